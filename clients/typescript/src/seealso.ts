// Made by `python -m service.typescript` from the service's OpenAPI document; not to be changed by hand.

import { type Options, Service, type Unconfirmed } from "./service.js";

export { NoAnswer, type Options, Problem, Service, type ServiceOptions, type Unconfirmed } from "./service.js";

/** What a rule is about: one of these. */
export interface About {
  article?: string | null;
  section?: string | null;
  tag?: string | null;
  /** a word, or some in a row, of a title */
  word?: string | null;
}

/** An article as indexed; fields its source left out are missing. */
export interface ArticleAnswer {
  id: string;
  title: string;
  body: string;
  url?: string | null;
  section?: string | null;
  summary?: string | null;
  published?: string | null;
  updated?: string | null;
  author?: string | null;
  tags?: string[] | null;
  language?: string | null;
  image?: string | null;
  image_alt?: string | null;
  image_width?: number | null;
  image_height?: number | null;
  image_srcset?: string | null;
  editor_related?: string[] | null;
  access?: string | null;
  sponsored?: boolean | null;
  sensitive?: boolean | null;
  canonical?: string | null;
  /** what stood on its page and was left out, as menus and adverts */
  cut_away?: string | null;
}

/** An article as it is from now on, whole: what is left out it does not have. The id is that of the address. */
export interface ArticleBody {
  /** if it is sent, that of the address */
  id?: string | null;
  title: string;
  body: string;
  url?: string | null;
  section?: string | null;
  summary?: string | null;
  published?: string | null;
  updated?: string | null;
  author?: string | null;
  tags?: string[] | null;
  language?: string | null;
  image?: string | null;
  image_alt?: string | null;
  image_width?: number | null;
  image_height?: number | null;
  image_srcset?: string | null;
  editor_related?: string[] | null;
  access?: string | null;
  sponsored?: boolean | null;
  sensitive?: boolean | null;
  canonical?: string | null;
  cut_away?: string | null;
}

/** The blocks of many articles, all from one snapshot. */
export interface BatchAnswer {
  /** the snapshot that answered */
  snapshot: string;
  /** in the order asked for */
  blocks: BatchBlock[];
  /** the ids that are not in the index, or were taken down */
  unknown: string[];
}

/** The block of one of the articles. */
export interface BatchBlock {
  /** the article */
  id: string;
  /** best first */
  related: Card[];
}

/** The articles whose blocks are wanted, and what each block may hold. */
export interface BatchBody {
  /** at most so many articles */
  limit?: number;
  /** only articles of these sections */
  section?: string[];
  /** never the articles with these ids */
  exclude?: string[];
  /** only articles published at this moment or later */
  published_after?: string | null;
  /** only articles published at this moment or earlier */
  published_before?: string | null;
  /** only articles in these languages */
  language?: string[];
  /** 'background' has no preference for age, 'latest' prefers new pieces, 'evergreen' puts reports of past events lower, and pieces of this season higher */
  mode?: "background" | "latest" | "evergreen";
  /** nothing below this; the recipe's, if not said */
  min_probability?: number | null;
  /** 'one' of each story and none of the article's own, or 'all' that tell it */
  stories?: "one" | "all";
  /** a place on the website: what seealso.toml says of it, where this says nothing */
  placement?: string | null;
  /** say why each article is there */
  explain?: boolean;
  /** the ids of the articles, each once */
  articles: string[];
}

/** What a page showed of a block, in its order, and what was clicked there. */
export interface BlockEvents {
  /** the article that is open */
  article: string;
  /** which block of the page, if there are several */
  block?: string;
  /** the ids of its items, in their order */
  shown?: string[];
  /** the items that were clicked */
  clicked?: Click[];
  /** while a trial runs: the teams of what is shown, in its order */
  teams?: ("" | "a" | "b")[] | null;
  /** the places of what is shown; 1, 2, 3 and so on where it says nothing */
  slots?: number[] | null;
}

/** An article as shown in a block. */
export interface Card {
  id: string;
  title: string;
  url: string | null;
  section: string | null;
  summary: string | null;
  /** ISO 8601, UTC */
  published: string | null;
  /** ISO 8601, UTC */
  updated: string | null;
  author: string | null;
  image: string | null;
  /** BCP 47 */
  language: string | null;
  access: string | null;
  /** what the picture shows, in words */
  image_alt?: string | null;
  /** in pixels */
  image_width?: number | null;
  image_height?: number | null;
  /** the picture in several widths, as HTML's srcset has it */
  image_srcset?: string | null;
  /** how long the text takes to be read; null for no text */
  reading_minutes?: number | null;
  /** how related it is; comparable within one snapshot */
  score: number;
  /** the chance that a person would call the two related, 0 to 1 */
  probability: number;
  /** true where an editor put it there; else missing */
  pinned?: boolean | null;
  /** while a trial runs: 'a' or 'b', for the page's events; else missing */
  team?: string | null;
  /** with explain=1 only */
  why?: Why | null;
}

/** One entry of the log. */
export interface ChangeFacts {
  sequence: number;
  moment: string;
  who: string;
  action: string;
  subject: string;
  /** how it was, null where there was nothing */
  before: unknown;
  /** how it is, null where there is nothing any more */
  after: unknown;
  reason: string;
}

/** Entries of the log, the newest first. */
export interface ChangeList {
  changes: ChangeFacts[];
}

/** An item that was clicked, and at which place of the block it stood, from 1 on. */
export interface Click {
  item: string;
  slot: number;
  /** the item's; '' where the block has no teams */
  team?: "" | "a" | "b" | null;
}

/** What was counted of a page's blocks since it last told. */
export interface EventsBody {
  blocks: BlockEvents[];
}

/** One of the blocks of a page. */
export interface FilledBlock {
  name: string;
  /** best first */
  related: Card[];
}

/** What happened to a post, as Ghost tells it; messages on anything else change nothing. */
export interface GhostMessage {
  post?: GhostPost | null;
}

/** A post as it is, and what of it was otherwise before. */
export interface GhostPost {
  current?: Record<string, unknown>;
  previous?: Record<string, unknown>;
}

/** What became of each, in their order. */
export interface ImportAnswer {
  articles: ImportedArticle[];
}

/** Articles as they are from now on, each whole. */
export interface ImportBody {
  articles: Record<string, unknown>[];
}

/** What became of one of many. */
export interface ImportedArticle {
  article: string | null;
  state: "new" | "changed" | "unchanged" | "refused";
  /** why it was refused, and what to do */
  detail: string | null;
}

/** A key to be made. */
export interface KeyBody {
  /** whose it is: a person or a program, as the log will say */
  name: string;
  /** what it opens */
  scope: "read" | "editor" | "index" | "admin";
  /** it opens nothing from then on; null: it does not end */
  expires?: string | null;
}

/** A key: all but its text, which nobody can find out. */
export interface KeyFacts {
  id: string;
  name: string;
  scope: "read" | "editor" | "index" | "admin";
  created: string;
  expires: string | null;
  revoked: string | null;
  /** to a minute or so; null: never */
  last_used: string | null;
}

/** All keys, revoked and expired ones included, the oldest first. */
export interface KeyList {
  keys: KeyFacts[];
}

/** A key that was made. */
export interface KeyMade {
  key: KeyFacts;
  /** what is sent as 'Authorization: Bearer ...'; nobody can show it again */
  text: string;
}

/** What became of a message. */
export interface MessageAnswer {
  article: string | null;
  state: "new" | "changed" | "unchanged" | "removed" | "outdated" | "ignored";
}

/** The blocks of one page: no article twice, and one of each story. */
export interface PageAnswer {
  /** the article that is open */
  id: string;
  /** the snapshot that answered */
  snapshot: string;
  /** in the order asked for */
  blocks: FilledBlock[];
}

/** One of the blocks of a page. */
export interface PageBlock {
  /** at most so many articles */
  limit?: number;
  /** only articles of these sections */
  section?: string[];
  /** never the articles with these ids */
  exclude?: string[];
  /** only articles published at this moment or later */
  published_after?: string | null;
  /** only articles published at this moment or earlier */
  published_before?: string | null;
  /** only articles in these languages */
  language?: string[];
  /** 'background' has no preference for age, 'latest' prefers new pieces, 'evergreen' puts reports of past events lower, and pieces of this season higher */
  mode?: "background" | "latest" | "evergreen";
  /** nothing below this; the recipe's, if not said */
  min_probability?: number | null;
  /** a page shows one of each story, whatever a placement says */
  stories?: "one";
  /** a place on the website: what seealso.toml says of it, where this says nothing */
  placement?: string | null;
  /** say why each article is there */
  explain?: boolean;
  /** what the answer calls it */
  name: string;
}

/** A page: the article that is open, what stands there already, and the blocks to be filled, in their order. */
export interface PageBody {
  /** the id of the article that is open */
  article: string;
  /** what the page shows already; ids that are not in the index are fine */
  shown?: string[];
  /** an earlier one takes first */
  blocks: PageBlock[];
}

/** Where two articles match best: a sentence of each, '' where one has no text. */
export interface PassagePair {
  own: string;
  other: string;
}

/** Whether an article is shown anywhere: all blocks were made that have it among their candidates. */
export interface ProofAnswer {
  article: string;
  snapshot: string;
  taken_down: boolean;
  /** whether the snapshot holds it at all */
  indexed: boolean;
  blocks_made: number;
  /** the articles whose blocks show it; none, where it was taken down */
  shown_under: string[];
}

/** What caches in front of the service may still hold of it. */
export interface Purge {
  /** surrogate keys (cache tags) by which a CDN drops it, everywhere it was shown; where it is shown again, also the blocks in which it may stand */
  keys: string[];
  /** for a CDN without such keys: the blocks it may have been shown in */
  paths: string[];
  /** the articles under which these blocks stand, where their addresses are known */
  pages: string[];
}

/** A message to caches, and what came of it. */
export interface PurgeFacts {
  /** the change because of which it is sent */
  id: number;
  state: "waiting" | "done" | "given-up";
  message: Record<string, unknown>;
  since: string;
  tries: number;
  next_try: string | null;
  done: string | null;
  /** why it was not taken, the last time; or who did it by hand */
  failure: string | null;
}

/** Messages to caches, the newest first. */
export interface PurgeList {
  purges: PurgeFacts[];
}

/** What became of an article. */
export interface PutAnswer {
  article: string;
  state: "new" | "changed" | "unchanged" | "removed";
  snapshot: string;
  /** how many passages it has; 0 where nothing was to be done */
  passages: number;
  /** in whose blocks it may stand now: it is among their first candidates */
  shown_under: string[];
}

/** How often something was shown and clicked. */
export interface RateFacts {
  /** what it is of: item, article, slot, day, block; a pair: article and item */
  of: Record<string, unknown>;
  shown: number;
  clicked: number;
  /** of what was shown; null where less was shown than clicked */
  share: number | null;
  /** the true share is not below this, with 95 % certainty */
  low: number | null;
  /** nor above this */
  high: number | null;
}

/** Shares of clicks, of what was shown most first. */
export interface RateList {
  rates: RateFacts[];
}

/** Why something is done. */
export interface ReasonBody {
  /** why, in words; the log of changes keeps it */
  reason: string;
}

/** The block of an article. */
export interface RelatedAnswer {
  /** the article asked for */
  id: string;
  /** the snapshot that answered */
  snapshot: string;
  /** best first */
  related: Card[];
}

/** What became of an article. */
export interface RemovedAnswer {
  article: string;
  state: "removed";
  snapshot: string;
}

/** What is served from now on. */
export interface RollbackAnswer {
  snapshot: string;
  /** what was served until now */
  before: string;
  /** since when this worker serves it; null: it is still being opened */
  live: string | null;
  /** from then on, all workers serve it after so long, and the time to open it */
  within_ms: number;
  /** the same in words */
  detail: string;
}

/** What an editor wants of blocks, and why. */
export interface RuleBody {
  action: "pin" | "exclude" | "boost" | "bury" | "sensitive" | "sponsored" | "evergreen";
  /** an article or a section; null: all blocks */
  under?: Under | null;
  /** an article, a section, a tag or a word */
  about?: About | null;
  /** the place of a pin; how many evergreen pieces at least */
  number?: number | null;
  /** it holds until then; null: until it is undone */
  until?: string | null;
  /** why, in words; the log of changes keeps it */
  reason: string;
}

/** A rule that holds. */
export interface RuleFacts {
  id: number;
  action: "pin" | "exclude" | "boost" | "bury" | "sensitive" | "sponsored" | "evergreen";
  /** whose blocks: of one article, of a section, null: of all */
  under: Record<string, string> | null;
  /** the article, section, tag or word that it is about */
  about: Record<string, string> | null;
  /** the place of a pin; how many evergreen pieces */
  number: number | null;
  since: string;
  until: string | null;
  /** the name of the key, and its id */
  who: string;
  reason: string;
}

/** The rules that hold now. */
export interface RuleList {
  rules: RuleFacts[];
}

/** What was counted for a team. */
export interface ShareFacts {
  /** under so many articles */
  articles: number;
  shown: number;
  clicked: number;
  /** clicked of shown; null where nothing was shown */
  share: number | null;
}

/** The block of a text. */
export interface SimilarAnswer {
  snapshot: string;
  related: Card[];
}

/** A text to find related articles for: `text`, or `title` and `body`. */
export interface SimilarBody {
  /** at most so many articles */
  limit?: number;
  /** only articles of these sections */
  section?: string[];
  /** never the articles with these ids */
  exclude?: string[];
  /** only articles published at this moment or later */
  published_after?: string | null;
  /** only articles published at this moment or earlier */
  published_before?: string | null;
  /** only articles in these languages */
  language?: string[];
  /** 'background' has no preference for age, 'latest' prefers new pieces, 'evergreen' puts reports of past events lower, and pieces of this season higher */
  mode?: "background" | "latest" | "evergreen";
  /** nothing below this; the recipe's, if not said */
  min_probability?: number | null;
  /** 'one' of each story and none of the article's own, or 'all' that tell it */
  stories?: "one" | "all";
  /** a place on the website: what seealso.toml says of it, where this says nothing */
  placement?: string | null;
  /** say why each article is there */
  explain?: boolean;
  /** the text, pasted; a short first line is its title */
  text?: string | null;
  /** the title, if it is known apart */
  title?: string | null;
  /** the text below the title */
  body?: string | null;
}

/** A word that all is well. */
export interface StateAnswer {
  status: string;
}

/** What is served, how old it is, and what somebody should look at. */
export interface StatusAnswer {
  snapshot: string | null;
  made: string | null;
  age_s: number | null;
  /** those that may be found: of the snapshot, and live ones */
  articles: number | null;
  /** those that were put since the night read its sources */
  live: number | null;
  model: string | null;
  forced: string[];
  cache: string;
  /** the search engine: 'off' (there is none), 'up', 'down' (it does not answer), or 'stale' (it has another snapshot) */
  engine: string;
  /** parts that are missing for now: 'cache', 'snapshot' (what is published cannot be served), 'editorial' (what was decided cannot be read; what is known holds), 'engine' (snapshots are searched without it) */
  degraded: string[];
  warnings: string[];
}

/** What was done, and what is left to be done elsewhere. */
export interface TakedownAnswer {
  takedown: TakedownFacts;
  purge: Purge;
}

/** Why an article may not be shown, and until when. */
export interface TakedownBody {
  /** why, in words; the log of changes keeps it */
  reason: string;
  /** it is shown again from then on; null: not before somebody restores it */
  until?: string | null;
}

/** An article that may not be shown. */
export interface TakedownFacts {
  article: string;
  since: string;
  until: string | null;
  /** the name of the key, and its id */
  who: string;
  reason: string;
}

/** The articles that may not be shown now. */
export interface TakedownList {
  takedowns: TakedownFacts[];
}

/** How two recipes compare: a is the snapshot's, b the one that is tried. */
export interface TrialAnswer {
  trial: string;
  /** 'split' or 'interleaving' */
  method: string;
  a: ShareFacts;
  b: ShareFacts;
  /** split: b's share less a's; interleaving: the share of clicks that went to b, less one half */
  difference: number | null;
  /** it is not below this, with 95 % certainty over articles */
  low: number | null;
  /** nor above this */
  high: number | null;
  /** 'a' or 'b'; null while it cannot be told */
  better: string | null;
}

/** Whose blocks a rule is for. */
export interface Under {
  article?: string | null;
  section?: string | null;
}

/** What is running and what it serves. */
export interface VersionAnswer {
  version: string;
  snapshot: string | null;
  /** when the snapshot was made, ISO 8601, UTC */
  made: string | null;
  articles: number | null;
  model: string | null;
  /** 'up', 'down' (given up for the moment), or 'off' */
  cache: string;
}

/** Why an article is in a block. */
export interface Why {
  /** what 'cosine', 'terms' and 'titles' gave; they sum up to the score */
  parts: Record<string, number>;
  /** the cosine of the two articles' vectors, -1 to 1 */
  cosine: number;
  /** the heaviest terms and names that both have, as the other writes them */
  shared_terms: string[];
  passages: PassagePair;
  /** whole days between the two dates, null where one is unknown */
  days_apart?: number | null;
  /** whether both stand in one section */
  same_section?: boolean | null;
  /** whether one person wrote both */
  same_author?: boolean | null;
  /** whether both tell the same story */
  same_story?: boolean | null;
}

/** What happened to a post, as the plugin in examples/wordpress tells it. */
export interface WordPressMessage {
  event: "published" | "removed";
  /** when it was sent, in seconds since 1970 */
  time: number;
  /** the post as WordPress's REST interface has it; of a removed one, its id */
  post: Record<string, unknown>;
}

/** The query of `removeArticle`. */
export interface RemoveArticleQuery {
  /** why, in words; the log of changes keeps it */
  reason: string;
}

/** The query of `related`. */
export interface RelatedQuery {
  /** at most so many articles */
  limit?: number;
  /** only articles of these sections */
  section?: string[];
  /** never the articles with these ids */
  exclude?: string[];
  /** only articles published at this moment or later */
  published_after?: string;
  /** only articles published at this moment or earlier */
  published_before?: string;
  /** only articles in these languages */
  language?: string[];
  /** 'background' has no preference for age, 'latest' prefers new pieces, 'evergreen' puts reports of past events lower, and pieces of this season higher */
  mode?: "background" | "latest" | "evergreen";
  /** nothing below this; the recipe's, if not said */
  min_probability?: number;
  /** 'one' of each story and none of the article's own, or 'all' that tell it */
  stories?: "one" | "all";
  /** a place on the website: what seealso.toml says of it, where this says nothing */
  placement?: string;
  /** say why each article is there */
  explain?: boolean;
}

/** The query of `relatedHtml`. */
export interface RelatedHtmlQuery {
  /** at most so many articles */
  limit?: number;
  /** only articles of these sections */
  section?: string[];
  /** never the articles with these ids */
  exclude?: string[];
  /** only articles published at this moment or later */
  published_after?: string;
  /** only articles published at this moment or earlier */
  published_before?: string;
  /** only articles in these languages */
  language?: string[];
  /** 'background' has no preference for age, 'latest' prefers new pieces, 'evergreen' puts reports of past events lower, and pieces of this season higher */
  mode?: "background" | "latest" | "evergreen";
  /** nothing below this; the recipe's, if not said */
  min_probability?: number;
  /** 'one' of each story and none of the article's own, or 'all' that tell it */
  stories?: "one" | "all";
  /** a place on the website: what seealso.toml says of it, where this says nothing */
  placement?: string;
  /** how the cards stand; 'list' if nobody says */
  layout?: "list" | "grid" | "compact" | "carousel";
  /** the level of the block's heading; cards have the next */
  heading?: number;
  /** whether cards have pictures; if not said: if one has its own, its section's or the site's */
  images?: boolean;
  /** 'auto' goes with the page */
  theme?: "auto" | "light" | "dark";
  /** of labels and dates; if not said, the article's */
  lang?: string;
  /** whether the links are listed as JSON-LD too; 1 if not said */
  json_ld?: boolean;
}

/** The query of `restore`. */
export interface RestoreQuery {
  /** why, in words; the log of changes keeps it */
  reason: string;
}

/** The query of `changes`. */
export interface ChangesQuery {
  /** of this article, rule or key */
  subject?: string;
  /** only those after this one */
  after?: number;
  /** at most so many */
  limit?: number;
}

/** The query of `undo`. */
export interface UndoQuery {
  /** why, in words; the log of changes keeps it */
  reason: string;
}

/** The query of `clicks`. */
export interface ClicksQuery {
  /** the first day, as 2026-11-28 */
  first?: string;
  /** the last day */
  last?: string;
  /** what they are added up by */
  by?: "item" | "article" | "pair" | "slot" | "day" | "block" | "team";
  /** only in the blocks of this article */
  article?: string;
  /** only this item */
  item?: string;
  /** at most so many */
  limit?: number;
}

/** The query of `revokeKey`. */
export interface RevokeKeyQuery {
  /** why, in words; the log of changes keeps it */
  reason: string;
}

/** The query of `purges`. */
export interface PurgesQuery {
  /** 'waiting', 'done', or 'given-up' */
  state?: "waiting" | "done" | "given-up";
  /** at most so many */
  limit?: number;
}

/** The query of `rules`. */
export interface RulesQuery {
  /** those that name it: for its block, or about it */
  article?: string;
  /** those for its blocks, and about it */
  section?: string;
}

/** The query of `undoRule`. */
export interface UndoRuleQuery {
  /** why, in words; the log of changes keeps it */
  reason: string;
}

/** The query of `trial`. */
export interface TrialQuery {
  /** the first day, as 2026-11-28 */
  first?: string;
  /** the last day */
  last?: string;
}

/** Seealso 1.0.0: each of its operations. */
export class Seealso extends Service {
  /** Whether the process answers at all. */
  livez(options: Options = {}): Promise<StateAnswer> {
    return this.json("GET", "/livez", {}, "status", options);
  }

  /** Whether there is a snapshot to answer from, and it is known what may not be shown of it. */
  readyz(options: Options = {}): Promise<StateAnswer> {
    return this.json("GET", "/readyz", {}, "status", options);
  }

  /** Put several articles, one after the other. Needs a key. */
  putArticles(body: ImportBody, options: Options = {}): Promise<ImportAnswer & Unconfirmed> {
    return this.json("POST", "/v1/articles", { body }, "articles", options);
  }

  /** Remove an article that is no more. It stays away until it is put again, or a source has a later version of it. Needs a key. */
  removeArticle(articleId: string, query: RemoveArticleQuery, options: Options = {}): Promise<RemovedAnswer & Unconfirmed> {
    return this.json("DELETE", `/v1/articles/${encodeURIComponent(articleId)}`, { query }, "article", options);
  }

  /** An article as it was indexed. */
  article(articleId: string, options: Options = {}): Promise<ArticleAnswer> {
    return this.json("GET", `/v1/articles/${encodeURIComponent(articleId)}`, {}, "id", options);
  }

  /** Publish an article, or what it is from now on. The next night takes it in; to put the same again does nothing. Needs a key. */
  putArticle(articleId: string, body: ArticleBody, options: Options = {}): Promise<PutAnswer & Unconfirmed> {
    return this.json("PUT", `/v1/articles/${encodeURIComponent(articleId)}`, { body }, "article", options);
  }

  /** Whether any block shows an article: all that might are made anew, as long as they can be. Needs a key. */
  proof(articleId: string, options: Options = {}): Promise<ProofAnswer> {
    return this.json("GET", `/v1/articles/${encodeURIComponent(articleId)}/proof`, {}, "article", options);
  }

  /** The block of related articles under an article. */
  related(articleId: string, query: RelatedQuery = {}, options: Options = {}): Promise<RelatedAnswer> {
    return this.json("GET", `/v1/articles/${encodeURIComponent(articleId)}/related`, { query }, "id", options);
  }

  /** The same block as an HTML fragment, to be included in the page. */
  relatedHtml(articleId: string, query: RelatedHtmlQuery = {}, options: Options = {}): Promise<string> {
    return this.text("GET", `/v1/articles/${encodeURIComponent(articleId)}/related.html`, { query }, options);
  }

  /** Show an article again that was taken down. Needs a key. */
  restore(articleId: string, query: RestoreQuery, options: Options = {}): Promise<TakedownAnswer & Unconfirmed> {
    return this.json("DELETE", `/v1/articles/${encodeURIComponent(articleId)}/takedown`, { query }, "takedown", options);
  }

  /** Show an article nowhere any more, whatever sources and snapshots hold; also one that is not indexed yet. Needs a key. */
  takeDown(articleId: string, body: TakedownBody, options: Options = {}): Promise<TakedownAnswer & Unconfirmed> {
    return this.json("POST", `/v1/articles/${encodeURIComponent(articleId)}/takedown`, { body }, "takedown", options);
  }

  /** What was decided, by whom, when and why: the newest first. Of one article, rule or key: `subject` is its id. Needs a key. */
  changes(query: ChangesQuery = {}, options: Options = {}): Promise<ChangeList> {
    return this.json("GET", "/v1/changes", { query }, "changes", options);
  }

  /** Undo a takedown, the restoring of an article, a rule, or the undoing of one. Needs a key. */
  undo(sequence: number, query: UndoQuery, options: Options = {}): Promise<ChangeFacts & Unconfirmed> {
    return this.json("POST", `/v1/changes/${encodeURIComponent(sequence)}/undo`, { query }, "sequence", options);
  }

  /** How often items were shown and clicked: by item, article, pair of both, place, day, block, or team. Needs a key. */
  clicks(query: ClicksQuery = {}, options: Options = {}): Promise<RateList> {
    return this.json("GET", "/v1/clicks", { query }, "rates", options);
  }

  /** What a reader's page showed of its blocks, and what was clicked there. Sent by the page, best by `sendBeacon`. */
  events(body: EventsBody, options: Options = {}): Promise<void> {
    return this.nothing("POST", "/v1/events", { body }, options);
  }

  /** Who has a key, what it opens, and when it was last used. Needs a key. */
  keys(options: Options = {}): Promise<KeyList> {
    return this.json("GET", "/v1/keys", {}, "keys", options);
  }

  /** Make a key for a person or a program. Needs a key. */
  makeKey(body: KeyBody, options: Options = {}): Promise<KeyMade & Unconfirmed> {
    return this.json("POST", "/v1/keys", { body }, "key", options);
  }

  /** Have a key, and whoever is signed in with it, open nothing any more; also the one that is sent. Needs a key. */
  revokeKey(keyId: string, query: RevokeKeyQuery, options: Options = {}): Promise<KeyFacts & Unconfirmed> {
    return this.json("DELETE", `/v1/keys/${encodeURIComponent(keyId)}`, { query }, "id", options);
  }

  /** The several blocks of one page: nothing twice on the page, and one of each story. */
  page(body: PageBody, options: Options = {}): Promise<PageAnswer> {
    return this.json("POST", "/v1/page", { body }, "id", options);
  }

  /** What caches were told: all, or what waits, is done, or was given up and needs somebody to look at it. Needs a key. */
  purges(query: PurgesQuery = {}, options: Options = {}): Promise<PurgeList> {
    return this.json("GET", "/v1/purges", { query }, "purges", options);
  }

  /** Say that the caches were made to drop it by hand; `failure` then says who said so. Needs a key. */
  purgeDone(purgeId: number, options: Options = {}): Promise<PurgeFacts & Unconfirmed> {
    return this.json("POST", `/v1/purges/${encodeURIComponent(purgeId)}/done`, {}, "id", options);
  }

  /** Send a message again, from the beginning. Needs a key. */
  retryPurge(purgeId: number, options: Options = {}): Promise<PurgeFacts & Unconfirmed> {
    return this.json("POST", `/v1/purges/${encodeURIComponent(purgeId)}/retry`, {}, "id", options);
  }

  /** The blocks of many articles at once, for newsletters and static sites. */
  relatedToMany(body: BatchBody, options: Options = {}): Promise<BatchAnswer> {
    return this.json("POST", "/v1/related", { body }, "snapshot", options);
  }

  /** The rules that hold now, the oldest first: all, or those for or about an article or a section. Needs a key. */
  rules(query: RulesQuery = {}, options: Options = {}): Promise<RuleList> {
    return this.json("GET", "/v1/rules", { query }, "rules", options);
  }

  /** Pin, exclude, boost or bury under an article, a section, or everywhere; mark an article; ask for evergreens. Needs a key. */
  makeRule(body: RuleBody, options: Options = {}): Promise<RuleFacts & Unconfirmed> {
    return this.json("POST", "/v1/rules", { body }, "id", options);
  }

  /** Have a rule hold no more. Needs a key. */
  undoRule(ruleId: number, query: UndoRuleQuery, options: Options = {}): Promise<RuleFacts & Unconfirmed> {
    return this.json("DELETE", `/v1/rules/${encodeURIComponent(ruleId)}`, { query }, "id", options);
  }

  /** The articles related to a text that is not in the index: a draft, or a pasted page. */
  similar(body: SimilarBody, options: Options = {}): Promise<SimilarAnswer> {
    return this.json("POST", "/v1/similar", { body }, "snapshot", options);
  }

  /** Serve an earlier snapshot again, until the next night publishes. Nothing is removed; caches are told. Needs a key. */
  rollback(snapshotId: string, body: ReasonBody, options: Options = {}): Promise<RollbackAnswer & Unconfirmed> {
    return this.json("POST", `/v1/snapshots/${encodeURIComponent(snapshotId)}/rollback`, { body }, "snapshot", options);
  }

  /** What is served, how old it is, and what somebody should look at. */
  status(options: Options = {}): Promise<StatusAnswer> {
    return this.json("GET", "/v1/status", {}, "snapshot", options);
  }

  /** The articles that may not be shown now. Needs a key. */
  takedowns(options: Options = {}): Promise<TakedownList> {
    return this.json("GET", "/v1/takedowns", {}, "takedowns", options);
  }

  /** How the trial in seealso.toml stands, by what was shown and clicked on some days, or ever. Needs a key. */
  trial(query: TrialQuery = {}, options: Options = {}): Promise<TrialAnswer> {
    return this.json("GET", "/v1/trial", { query }, "trial", options);
  }

  /** What Ghost tells of a post; signed by `X-Ghost-Signature`. */
  ghost(body: GhostMessage, options: Options = {}): Promise<MessageAnswer> {
    return this.json("POST", "/v1/webhooks/ghost", { body }, "article", options);
  }

  /** What WordPress tells of a post; signed by `X-Hub-Signature-256`. */
  wordpress(body: WordPressMessage, options: Options = {}): Promise<MessageAnswer> {
    return this.json("POST", "/v1/webhooks/wordpress", { body }, "article", options);
  }

  /** What is running, and what it serves. */
  version(options: Options = {}): Promise<VersionAnswer> {
    return this.json("GET", "/version", {}, "version", options);
  }
}
