"""``/studies``: the studies that this gateway has, their pictures, and how far a participant is."""

from __future__ import annotations

import asyncio
from functools import partial

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.messages.consent import ConsentText
from contracts.messages.study import ProgressQuery, Study, StudyList, StudyPrompt, StudySummary
from contracts.process.logs import get_logger
from contracts.rules.errors import RequestRefused
from gateway.access.guard import require_own
from gateway.consent.text import consent_text
from gateway.http.refusals import json_response
from gateway.http.requests import query_parameters, validated
from gateway.library.library import Library
from gateway.studies.folder import StudyFolder
from gateway.studies.progress import progress_of, read_takes
from gateway.studies.retention import days_kept
from gateway.studies.table import StudyTable

__all__ = ["study_answer", "study_routes"]

log = get_logger()


def study_answer(study: str, table: StudyTable, of_gateway: ConsentText) -> Study:
    """A study as a page needs it. ``of_gateway`` is the consent text of a study without its own."""
    consent = consent_text(table.consent, required=of_gateway.required) if table.consent else of_gateway
    days = days_kept(table.retention_days, of_gateway.retention_days)
    prompts = [
        StudyPrompt(
            prompt=prompt.id,
            text=prompt.text,
            intent=prompt.intent or prompt.text,
            picture=f"studies/{study}/pictures/{prompt.id}" if prompt.picture else None,
            say=prompt.say,
        )
        for prompt in table.prompts
    ]
    same = table.model_dump(exclude={"consent", "prompts", "good", "retention_days"})
    kept = consent.model_copy(update={"retention_days": days})
    return Study(study=study, consent=kept, prompts=prompts, good=table.good, **same)


class _Studies:
    """The handlers. Each reads files in a thread."""

    def __init__(self, folder: StudyFolder, of_gateway: ConsentText) -> None:
        self._folder = folder
        self._of_gateway = of_gateway

    async def list(self, _request: Request) -> Response:
        """Answer with the studies by file name."""
        try:
            found = await asyncio.to_thread(self._folder.all)
        except OSError as error:
            log.warning("cannot read the folder of the studies", exc_info=error)
            raise RequestRefused(500, "studies_unreadable", "The folder of the studies cannot be read.") from error
        studies = [
            StudySummary(
                study=name, title=table.title, language=table.language, prompts=len(table.prompts), wanted=table.wanted
            )
            for name, reading in found.items()
            if (table := reading.study) is not None
        ]
        unreadable = [name for name, reading in found.items() if reading.study is None]
        return _json(StudyList(studies=studies, unreadable=unreadable))

    async def one(self, request: Request) -> Response:
        """Answer with one study."""
        study, table = await self._table(request)
        return _json(study_answer(study, table, self._of_gateway))

    async def picture(self, request: Request) -> Response:
        """Answer with the picture of a prompt."""
        _, table = await self._table(request)
        names = [prompt.picture for prompt in table.prompts if prompt.id == request.path_params["prompt"]]
        try:
            if not names or names[0] is None:
                raise ValueError
            picture = await asyncio.to_thread(self._folder.picture, names[0])
        except (OSError, ValueError):
            raise RequestRefused(404, "not_found", "The study has no such picture.") from None
        return Response(picture.content, headers={"Cache-Control": "no-cache"}, media_type=picture.media_type)

    async def progress(self, request: Request) -> Response:
        """Answer with the progress of a participant."""
        library: Library = request.app.state.library
        user_id = validated(ProgressQuery, query_parameters(request)).user_id
        require_own(request, user_id)
        study, table = await self._table(request)
        takes = await library.read(partial(read_takes, study=study, participant=user_id))
        return _json(await asyncio.to_thread(progress_of, study, table, user_id, takes))

    async def _table(self, request: Request) -> tuple[str, StudyTable]:
        study: str = request.path_params["study"]
        reading = await asyncio.to_thread(self._folder.one, study)
        if reading is None:
            raise RequestRefused(404, "unknown_study", "There is no study of this name.")
        if reading.study is None:
            raise RequestRefused(500, "study_unreadable", "The study's file has a mistake; the server's log names it.")
        return study, reading.study


def _json(answer: BaseModel) -> Response:
    return json_response(answer.model_dump(mode="json"), headers={"Cache-Control": "no-store"})


def study_routes(folder: StudyFolder, of_gateway: ConsentText) -> list[Route]:
    """The routes. ``of_gateway`` is the gateway's own consent text."""
    studies = _Studies(folder, of_gateway)
    return [
        Route("/studies", studies.list, methods=["GET"]),
        Route("/studies/{study}", studies.one, methods=["GET"]),
        Route("/studies/{study}/pictures/{prompt}", studies.picture, methods=["GET"]),
        Route("/studies/{study}/progress", studies.progress, methods=["GET"]),
    ]
