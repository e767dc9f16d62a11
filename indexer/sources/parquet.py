"""A Parquet file -> an article for each row, as a field map reads it; only the columns it needs leave the disk.

Times with a zone become UTC, lists stay lists, nulls are fields that are not there.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer.sources.record import FieldMap
from indexer.sources.rows import needed_columns, read_row
from indexer.sources.source import Item, Quarantined
from seealso.errors import SourceUnreadable

if TYPE_CHECKING:
    import pyarrow

BATCH_ROWS = 1_000
# Columns are read in pieces of that size, and none ahead (pyarrow's own choice, which held all of a file of 55 MB
# where this holds 3): a row group may be as large as the file.
READING = {"buffer_size": 1 << 20, "pre_buffer": False, "page_checksum_verification": True}


class ParquetTable:
    """The rows of one file, in its order."""

    complete = True

    def __init__(self, path: Path, fields: FieldMap) -> None:
        self._path = path
        self._fields = fields
        self.name = str(path)

    def read(self) -> Iterator[Item]:
        """Yield an article for each row. Raises SourceUnreadable if the file is damaged, cut, or lacks a column."""
        import pyarrow

        count = 0
        try:
            for row in self._rows():
                count += 1
                where = f"{self.name} row {count}"
                if isinstance(row, ValueError | OverflowError):
                    yield Quarantined(where, f"a value of the row cannot be read ({row})")
                else:
                    yield read_row(self._fields, row, where)
        except FileNotFoundError:
            raise SourceUnreadable(self.name, "no such file") from None
        except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:  # the last of columns' names
            reason = f"it is no Parquet file, or damaged or cut, after row {count:,} ({_first_line(error)})"
            raise SourceUnreadable(self.name, reason) from error

    def _rows(self) -> Iterator[dict[str, Any] | ValueError | OverflowError]:
        from pyarrow import parquet

        with parquet.ParquetFile(self._path, **READING) as file:
            columns = needed_columns(self.name, file.schema_arrow.names, self._fields)
            left = file.metadata.num_rows
            for batch in file.iter_batches(BATCH_ROWS, columns=columns):
                left -= batch.num_rows
                yield from _rows_of(_in_microseconds(batch))
        if left:
            raise SourceUnreadable(self.name, f"it announces {left:,} rows more than it has")


def _rows_of(batch: "pyarrow.RecordBatch") -> Iterator[dict[str, Any] | ValueError | OverflowError]:
    """Yield a batch's rows; for one whose values Python cannot hold, as a date after the year 9999, the error."""
    try:
        yield from batch.to_pylist()
    except (ValueError, OverflowError):
        for place in range(batch.num_rows):
            try:
                yield from batch.slice(place, 1).to_pylist()
            except (ValueError, OverflowError) as error:
                yield error


def _in_microseconds(batch: "pyarrow.RecordBatch") -> "pyarrow.RecordBatch":
    """Return the batch with its times as Python has them: to the microsecond, and in UTC where they have a zone."""
    for place, field in enumerate(batch.schema):
        kind = _kind_in_microseconds(field.type)
        if kind != field.type:
            batch = batch.set_column(place, field.name, batch.column(place).cast(kind, safe=False))
    return batch


def _kind_in_microseconds(kind: "pyarrow.DataType") -> "pyarrow.DataType":
    """Return a type with such times in place of its own, inside structs and lists as well."""
    import pyarrow

    if pyarrow.types.is_timestamp(kind):
        return pyarrow.timestamp("us" if kind.unit == "ns" else kind.unit, "UTC" if kind.tz else None)
    if pyarrow.types.is_struct(kind):
        return pyarrow.struct([field.with_type(_kind_in_microseconds(field.type)) for field in kind])
    if pyarrow.types.is_list(kind):
        return pyarrow.list_(kind.value_field.with_type(_kind_in_microseconds(kind.value_type)))
    return kind


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
