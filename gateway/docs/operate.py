"""The operator's HTTP routes and their answers, for the OpenAPI document. No I/O."""

from __future__ import annotations

from contracts.messages.operate import (
    DeadItemQuery,
    DeadItemWhole,
    DeadPage,
    DroppedItem,
    RetentionDone,
    RetentionReport,
    RetentionRequest,
    RetriedItem,
)
from gateway.docs.operation import DocumentedResponse, Operation

__all__ = ["OPERATE_OPERATIONS"]

_OPERATE = "Operate"

OPERATE_OPERATIONS = (
    Operation(
        "get", "/operate/dead", _OPERATE, "List what could not be recorded: dead letters and failed captures",
        (DocumentedResponse("One page, the newest first.", DeadPage),), ("dead_letters", "query", "broker"),
        query=DeadItemQuery,
    ),
    Operation(
        "get", "/operate/dead/{id}", _OPERATE, "See one dead letter, whole, and whether another try would fail",
        (DocumentedResponse("The dead letter.", DeadItemWhole),), ("dead_letter", "broker"),
    ),
    Operation(
        "post", "/operate/dead/{id}/retry", _OPERATE, "Try a dead letter again, once",
        (DocumentedResponse("It is on its way again, and no dead letter any more.", RetriedItem),),
        ("dead_letter", "retry_letter", "broker"),
        description="An event moves in one step: it is never in both places, nor in none. A failed capture is "
        "extracted once more. A repeat is refused with `unknown_dead_letter`, whose detail says when that was.",
    ),
    Operation(
        "post", "/operate/dead/{id}/drop", _OPERATE, "Remove a dead letter for good",
        (DocumentedResponse("It is gone, and cannot be restored.", DroppedItem),), ("dead_letter", "broker"),
    ),
    Operation(
        "get", "/operate/retention", _OPERATE, "List the captures whose time is over",
        (DocumentedResponse("What is due, and how many captures each study keeps.", RetentionReport),),
        ("studies", "library", "library_read", "broker"),
    ),
    Operation(
        "post", "/operate/retention", _OPERATE, "Erase captures whose time is over",
        (DocumentedResponse("A batch is withdrawn, and workers erase it.", RetentionDone),),
        ("studies", "library", "library_read", "body", "append", "broker"), RetentionRequest,
        "Retention erases by itself what comes due while it is watched. All else waits for this word. Repeat it while "
        "some are `left`.",
    ),
)  # fmt: skip
