"""One route and its answers, as `operations` lists them. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from contracts.rules.code_entry import Place
from gateway.docs.refusals import Refused, refused

__all__ = ["DocumentedResponse", "Operation"]


@dataclass(frozen=True, slots=True)
class DocumentedResponse:
    """One answer that is not a refusal. If ``many``, it is a list of ``model``; without a model it is not JSON."""

    description: str
    model: type[BaseModel] | None = None
    status: int = 200
    media_types: tuple[str, ...] = ("application/json",)
    many: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address. ``refusals`` are the places, in the table of codes, where it can be refused. An
    ``open`` operation needs no token. The fields of ``query`` are the parameters of the address."""

    method: Literal["get", "post"]
    path: str
    tag: str
    summary: str
    answers: tuple[DocumentedResponse, ...]
    refusals: tuple[Place, ...] = ()
    body: type[BaseModel] | None = None
    description: str = ""
    open: bool = False
    form: bool = False
    query: type[BaseModel] | None = None

    @property
    def name(self) -> str:
        """A name for client code that is generated from the document: ``get_captures_capture_id``."""
        words = self.path.replace("-", "_").replace(".", "_").replace("{", "").replace("}", "")
        return "_".join([self.method, *(words.split("/")[1:] if words != "/" else ["home"])])

    @property
    def refused(self) -> tuple[Refused, ...]:
        """Every refusal that this operation can answer with."""
        general: tuple[Place, ...] = ("any",) if self.open else ("any", "guarded")
        posted: tuple[Place, ...] = ("post",) if self.method == "post" else ()
        return refused(*general, *posted, *self.refusals)
