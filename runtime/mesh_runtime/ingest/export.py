"""An export read from end to end: its documents, their forms, their items. Validation and the job both read so."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from ijson.common import JSONError

from mesh_descriptors.errors import Place
from mesh_runtime.ingest.archive import DAMAGED, Document, damaged, documents
from mesh_runtime.ingest.detect import forms_of, look, resembles
from mesh_runtime.ingest.errors import UnreadableExportError
from mesh_runtime.ingest.items import Item, ItemReader
from mesh_runtime.ingest.json_stream import broken, records
from mesh_runtime.ingest.limits import GuardedJson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mesh_descriptors.connector import ConnectorManifest, FileForm
    from mesh_runtime.ingest.limits import Limits, Readable

COMPRESSED = {b"\x1f\x8b": "gzip", b"Rar!": "RAR", b"7z\xbc\xaf": "7-Zip", b"BZh": "bzip2", b"\xfd7zX": "xz"}


class Found(NamedTuple):
    """An item, and the form of the file that it was found in."""

    form: FileForm
    item: Item


@dataclass(slots=True)
class Tally:
    """What reading an export came to.

    Attributes:
        records: how many records were read, by stream.
        kept: how many of them became items.
        skipped: how many were left out, by reason.
        documents: how many documents were read.
    """

    records: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    documents: int = 0


@dataclass(frozen=True, slots=True)
class Export:
    """A file of a user, to be read by a connector's manifest.

    Attributes:
        manifest: the connector.
        file: the file, seekable.
        name: what messages call it.
        limits: what it may unpack to.
    """

    manifest: ConnectorManifest
    file: BinaryIO
    name: str
    limits: Limits

    def items(self, tally: Tally) -> Iterator[Found]:
        """Every item, one at a time; `tally` counts along.

        Raises:
            UnreadableExportError: a document is cut off, no JSON, another service's, or none is known.
            LimitExceededError: the file breaks a limit.
        """
        self._refuse_unreadable()
        for document in documents(self.file, self.name, self.limits):
            forms = self._forms(document)
            tally.documents += bool(forms)
            for form in forms:
                yield from self._of_form(document, form, tally)
        if not tally.documents:
            raise UnreadableExportError(
                f"the zip archive holds no file that {self.manifest.label} exports are known by",
                place=Place(self.name),
                remedy=self._reads(),
            )

    def announced(self) -> Counter[str]:
        """How many records there are in all, by stream, where the documents say so: they may be pages of more."""
        totals: Counter[str] = Counter()
        for document in documents(self.file, self.name, self.limits):
            for form in self._forms(document):
                if form.total:
                    with document.open() as file:
                        guarded = self._guarded(document, file, form)
                        found = [total for total in records(guarded, form.total) if isinstance(total, int)]
                    totals[form.stream_name] = max(totals[form.stream_name], *found, 0)
        return totals

    def _refuse_unreadable(self) -> None:
        self.file.seek(0)
        start = self.file.read(8)
        if not start:
            raise UnreadableExportError(
                "the file is empty", place=Place(self.name), remedy="Download or export it once more."
            )
        for magic, kind in COMPRESSED.items():
            if start.startswith(magic):
                remedy = "Unpack it and give the .json files, or a .zip of them."
                raise UnreadableExportError(f"is a {kind} archive", place=Place(self.name), remedy=remedy)

    def _forms(self, document: Document) -> Sequence[FileForm]:
        seen = look(document, self.limits, self.manifest.files)
        forms = forms_of(seen, document.base_name, self.manifest.files)
        if forms or document.name != self.name:
            return forms  # an archive may hold anything beside the files that are read
        if other := resembles(seen):
            raise UnreadableExportError(
                f"is no {self.manifest.label} export; it looks like {other}",
                place=Place(self.name),
                remedy=f"Give it to that service's connector. {self._reads()}",
            )
        if not seen.is_json:
            raise UnreadableExportError(
                "holds no JSON object or list", place=Place(self.name, 1, 1), remedy=self._reads()
            )
        raise UnreadableExportError(
            f"is JSON, but no {self.manifest.label} export that is known", place=Place(self.name), remedy=self._reads()
        )

    def _reads(self) -> str:
        streams = dict.fromkeys(form.stream_name.replace("_", " ") for form in self.manifest.files)
        return f"mesh ingest {self.manifest.name} reads, as .json or in a .zip: {', '.join(streams)}."

    def _guarded(self, document: Document, file: Readable, form: FileForm) -> GuardedJson:
        return GuardedJson(file, document.name, self.limits, record_depth=len(form.records.split(".")))

    def _of_form(self, document: Document, form: FileForm, tally: Tally) -> Iterator[Found]:
        reader = ItemReader(form, self.manifest.name)
        try:
            with document.open() as file:
                guarded = self._guarded(document, file, form)
                for record in records(guarded, form.records):
                    tally.records[form.stream_name] += 1
                    if item := reader.read(record):
                        tally.kept += 1
                        yield Found(form, item)
        except JSONError as error:
            raise broken(document.name, document.open) from error
        except DAMAGED as error:
            raise damaged(document.name, error) from error
        finally:
            tally.skipped.update(reader.skipped)
