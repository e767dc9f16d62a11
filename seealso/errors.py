"""Everything that can go wrong and has a name, grouped by who can mend it.

    SeealsoError
    ├── CallerError              the one who asked can mend it
    │   ├── InvalidRequest       a field of a request is missing, malformed or out of bounds
    │   ├── UnknownArticle       no article with that id in the current snapshot
    │   ├── KeyMissing           a request that needs a key has none, or one that opens nothing
    │   ├── KeyRefused           a key is valid, but not for this
    │   ├── SignatureWrong       a message of a content system is not signed as it must be
    │   ├── UnknownSite          no site of the service has the host that is asked for
    │   ├── CrossSite            a page of another site has a browser ask, by itself
    │   ├── TakenDown            the article was taken down
    │   ├── RemovedMeanwhile     the article was removed while it was being read
    │   ├── NotTakenDown         the article was not
    │   ├── UnknownChange        there is no rule or change with that number
    │   ├── NotUndone            a change cannot be undone, or not any more
    │   ├── NotSent              a purge cannot be sent again: there is no address for it
    │   ├── UnknownKey           there is no key with that id
    │   ├── UnknownSnapshot      the index folder has no snapshot with that id
    │   ├── NotRolledBack        an earlier snapshot cannot be served again, or not now
    │   ├── PageNotRead          a page of another site may not be read, or cannot
    │   ├── DraftNotRead         a file or a text is no draft that can be read
    │   ├── ServiceBusy          as much as the service takes at once is being worked on
    │   ├── SiteNotReady         one of several sites has nothing to answer from yet
    │   ├── TextLate             the encoder did not end with a text in time
    │   └── BlocksLate           many blocks were not made in time
    └── OperatorError            the one who runs the machine can mend it
        ├── SettingsInvalid      a setting is misspelt or has an impossible value
        ├── SourceUnreadable     a source is missing, of no known kind, or cannot be read to its end
        ├── SourceShrunk         a source gives so much less than the night before that it must be broken
        ├── NothingToIndex       the sources hold no usable article
        ├── GateFailed           the new index is worse than what a night may be
        ├── SnapshotMissing      the index folder has no snapshot to serve
        ├── SnapshotRefused      a snapshot is damaged, incomplete, or of an unknown format
        ├── ModelUnavailable     the encoder's model cannot be loaded
        ├── ModelMismatch        a snapshot was made by another model than the one asked for
        ├── IndexLocked          another run is writing to the same index folder
        ├── SnapshotStoreUnavailable  the place that machines share snapshots by does not answer
        │   └── SnapshotStoreOfAnotherSite  it is another site's
        ├── StoreUnavailable     what editors decided cannot be read or changed
        ├── EngineUnavailable    the search engine does not answer, or not as it must
        ├── ClusterUnavailable   the machines that are to embed cannot be reached, or used
        └── ServerUnavailable    the service cannot listen where it was told to

Each carries facts as attributes; its message says what was wrong, the value, and what to do. Which HTTP status
or exit code belongs to which stands in `service.problems` and `seealso.cli`.
"""

from pathlib import Path


class SeealsoError(Exception):
    """Any error of ours that has a name."""


class CallerError(SeealsoError):
    """The one who asked can mend it."""


class InvalidRequest(CallerError):
    """One field of a request is wrong."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class UnknownArticle(CallerError):
    """The current snapshot has no article with this id."""

    def __init__(self, article_id: str, snapshot_id: str) -> None:
        super().__init__(
            f"no article with the id {article_id!r} in snapshot {snapshot_id}; check the id, or index the article first"
        )
        self.article_id = article_id
        self.snapshot_id = snapshot_id


class TakenDown(CallerError):
    """The article was taken down."""

    def __init__(self, article_id: str) -> None:
        super().__init__(f"the article {article_id!r} was taken down; nothing is shown of it or under it")
        self.article_id = article_id


class RemovedMeanwhile(CallerError):
    """An article was removed while it was being read and embedded."""

    def __init__(self, article_id: str) -> None:
        super().__init__(f"the article {article_id!r} was removed meanwhile; put it again if it is to stay")


class NotTakenDown(CallerError):
    """An article cannot be restored that was not taken down."""

    def __init__(self, article_id: str) -> None:
        super().__init__(f"the article {article_id!r} is not taken down; /v1/takedowns lists those that are")


class UnknownChange(CallerError):
    """There is no rule or change with that number."""


class NotUndone(CallerError):
    """A change cannot be undone, or not any more."""


class NotSent(CallerError):
    """A purge cannot be sent again: no address is named for it."""


class UnknownKey(CallerError):
    """There is no key with that id."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"there is no key {key_id!r}; /v1/keys lists them")


class UnknownSnapshot(CallerError):
    """The index folder has no snapshot with that id."""

    def __init__(self, snapshot_id: str) -> None:
        super().__init__(f"there is no snapshot {snapshot_id!r}; `seealso snapshots` and the desk's night list them")


class NotRolledBack(CallerError):
    """An earlier snapshot cannot be served again, or not now."""

    def __init__(self, snapshot_id: str, reason: str) -> None:
        super().__init__(f"{snapshot_id} is not served: {reason}")
        self.snapshot_id = snapshot_id


class KeyMissing(CallerError):
    """A request that needs a key has none, or one that opens nothing: unknown, revoked, expired."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}; send a key as 'Authorization: Bearer KEY' (make one with `seealso key create`)")


class KeyRefused(CallerError):
    """A key is valid, but not for this."""

    def __init__(self, scope: str, needed: tuple[str, ...]) -> None:
        super().__init__(f"this key has the scope {scope!r}; this needs {' or '.join(map(repr, needed))}")


class CrossSite(CallerError):
    """A page of another site has a browser ask for something that only a page of ours may."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"only pages of this service may ask for this: {reason}; open the desk itself, or send a key")


class UnknownSite(CallerError):
    """No site of the service has the host that is asked for."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"no site is asked under the host {host[:200]!r}; ask under the host of one, or name this one among the "
            "hosts of a site, in the file that SEEALSO_SITES names"
        )


class SignatureWrong(CallerError):
    """A message of a content system is not signed as it must be."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the signature opens nothing: {reason}")


class PageNotRead(CallerError):
    """A page of another site may not be read, or cannot."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url[:200]} cannot be read: {reason}")
        self.url = url
        self.reason = reason


class DraftNotRead(CallerError):
    """A file or a text is no draft that can be read; the message says what to do."""


class ServiceBusy(CallerError):
    """As much as the service takes at once is being worked on."""

    def __init__(self, work: str, places: int) -> None:
        super().__init__(f"{places} {work} are being worked on, and no more at once; try again in a few seconds")


class SiteNotReady(CallerError):
    """One of several sites has nothing to answer from yet; the others answer."""

    def __init__(self, site: str | None, error: SeealsoError) -> None:
        super().__init__(f"the site {site} is not ready: {error}")
        self.site = str(site)


class TextLate(CallerError):
    """The encoder did not end with a text in time."""

    def __init__(self, deadline_s: float) -> None:
        super().__init__(f"the text was not read within {deadline_s:g} seconds; try again in a while, or with less")


class BlocksLate(CallerError):
    """Many blocks were not made in time."""

    def __init__(self, made: int, wanted: int, seconds_max: float) -> None:
        super().__init__(
            f"{made} of {wanted} blocks were made in {seconds_max:g} seconds; try again in a while, or send fewer at "
            "once, or ask without 'explain'"
        )


class OperatorError(SeealsoError):
    """The one who runs the machine can mend it."""


class SettingsInvalid(OperatorError):
    """A setting is misspelt or has an impossible value."""


class SourceUnreadable(OperatorError):
    """A source is missing, of no known kind, or cannot be read to its end."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"cannot read the source {source}: {reason}")
        self.source = source
        self.reason = reason


class SourceShrunk(OperatorError):
    """A source gives so much less than the night before that it must be broken: nothing is deleted because of that."""

    def __init__(self, source: str, articles: int, before: int, share_min: float) -> None:
        super().__init__(
            f"the source {source} gives {articles:,} articles, {articles / before:.1%} of the {before:,} of the night "
            f"before; less than {share_min:.1%} is taken for a fault, not for deletions. Mend the source; if so many "
            "are gone indeed, run with --force"
        )
        self.source = source


class NothingToIndex(OperatorError):
    """The sources hold no usable article."""


class GateFailed(OperatorError):
    """The new index is worse than a night may be; the old one goes on being served."""

    def __init__(self, gates: list[str], says: str) -> None:
        super().__init__(
            f"not published, the index that was served still is. {says}. Look at the report; if it is meant, run again "
            "with --force, which embeds nothing twice"
        )
        self.gates = gates


class SnapshotMissing(OperatorError):
    """The index folder has no snapshot to serve."""

    def __init__(self, index: Path, reason: str) -> None:
        super().__init__(f"no such snapshot in {index}: {reason}")
        self.index = index


class SnapshotRefused(OperatorError):
    """A snapshot is damaged, incomplete, or of a format this version does not know."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"refused {path}: {reason}")
        self.path = path
        self.reason = reason


class ModelUnavailable(OperatorError):
    """The encoder's model cannot be loaded, or fails."""

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(f"cannot use the model {model!r}: {reason}")
        self.model = model


class ModelMismatch(OperatorError):
    """A snapshot was made by another model than the one asked for; their vectors cannot be compared."""

    def __init__(self, snapshot_id: str, made_by: str, asked_for: str) -> None:
        super().__init__(
            f"snapshot {snapshot_id} was made by the model {made_by}, not by {asked_for}; "
            "set SEEALSO_MODEL to the one that made it, or index anew"
        )
        self.snapshot_id = snapshot_id
        self.made_by = made_by
        self.asked_for = asked_for


class IndexLocked(OperatorError):
    """Another run is writing to the same index folder."""

    def __init__(self, index: Path, holder: str) -> None:
        super().__init__(f"another run ({holder}) is writing to {index}; wait for it, or stop it and try again")
        self.index = index


class StoreUnavailable(OperatorError):
    """The store of what editors decided cannot be read or changed."""

    def __init__(self, store: str, reason: str) -> None:
        super().__init__(f"the editorial store {store} cannot be used: {reason}")
        self.store = store
        self.reason = reason


class SnapshotStoreUnavailable(OperatorError):
    """The place from which many machines take their snapshots does not answer, or not as it should."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"the snapshot store {url} cannot be used: {reason}")
        self.url = url
        self.reason = reason


class SnapshotStoreOfAnotherSite(SnapshotStoreUnavailable):
    """The place from which many machines take their snapshots has those of another site."""

    def __init__(self, url: str, marked: str, site: str | None) -> None:
        ours = "SEEALSO_SITE is not set" if site is None else f"this is the site {site}"
        super().__init__(
            url,
            f"it is that of the site {marked}, and {ours}. Set SEEALSO_SNAPSHOT_STORE and SEEALSO_SITE of one site; if "
            f"it is this site's under another name, remove {url.rstrip('/')}/SITE",
        )


class EngineUnavailable(OperatorError):
    """The search engine beside the snapshots does not answer, or not as it must."""

    def __init__(self, engine: str, reason: str) -> None:
        super().__init__(f"the search engine at {engine} cannot be used: {reason}")
        self.engine = engine
        self.reason = reason


class ClusterUnavailable(OperatorError):
    """The machines that are to embed cannot be reached, or used."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"the cluster {address} cannot embed: {reason}")
        self.address = address


class ServerUnavailable(OperatorError):
    """The service cannot listen where it was told to, or no worker of it can be started."""
