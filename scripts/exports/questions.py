"""The questions of *Datasheets for Datasets* (Gebru et al., Communications of the ACM, 2021), in short. Only data.

Left out are those of the paper that suppose an answer to the one before ("if so, …"): they are parts of that answer.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["QUESTIONS", "Question"]


class Question(NamedTuple):
    """A question. ``name`` is its key in an ``--about`` file."""

    section: str
    name: str
    text: str


_SECTIONS: dict[str, dict[str, str]] = {
    "Motivation": {
        "purpose": "For what purpose was the data set created?",
        "creators": "Who created it, and on behalf of which entity?",
        "funding": "Who funded its creation?",
        "motivation_other": "Any other comments?",
    },
    "Composition": {
        "instances": "What do the instances represent?",
        "count": "How many instances are there, of each type?",
        "sample": "Does it contain all possible instances, or is it a sample of a larger set?",
        "data": "What data does each instance consist of?",
        "labels": "Is there a label or target for each instance?",
        "missing": "Is any information missing from individual instances?",
        "relationships": "Are relationships between individual instances made explicit?",
        "splits": "Are there recommended splits?",
        "errors": "Are there errors, sources of noise, or redundancies?",
        "external": "Is it self-contained, or does it rely on external resources?",
        "confidential": "Does it contain data that might be considered confidential?",
        "offensive": "Does it contain data that might be offensive or cause anxiety, if viewed directly?",
        "subpopulations": "Does it identify subpopulations, for example by age or gender?",
        "identifiable": "Can individuals be identified from it, directly or indirectly?",
        "sensitive": "Does it contain data that might be considered sensitive in any way?",
        "composition_other": "Any other comments?",
    },
    "Collection process": {
        "acquisition": "How was the data associated with each instance acquired?",
        "mechanisms": "What mechanisms or procedures were used to collect it, and how were they validated?",
        "sampling": "If it is a sample, what was the sampling strategy?",
        "collectors": "Who was involved in the collection, and how were they compensated?",
        "timeframe": "Over what time was the data collected?",
        "ethics": "Were any ethical review processes conducted?",
        "directly": "Was the data collected from the individuals directly?",
        "notified": "Were the individuals notified about the collection?",
        "consent": "Did the individuals consent to the collection and use of their data?",
        "revocation": "Can they revoke their consent in the future?",
        "impact": "Has the potential impact on the individuals been analysed?",
        "collection_other": "Any other comments?",
    },
    "Preprocessing, cleaning, labelling": {
        "preprocessing": "Was any preprocessing, cleaning or labelling done?",
        "raw": "Was the raw data saved as well?",
        "software": "Is the software that was used available?",
        "preprocessing_other": "Any other comments?",
    },
    "Uses": {
        "used": "Has the data set been used for any tasks already?",
        "repository": "Is there a repository that links to papers or systems that use it?",
        "tasks": "What other tasks could it be used for?",
        "risks": "Does its composition or collection have an impact on future uses?",
        "unsuitable": "Are there tasks for which it should not be used?",
        "uses_other": "Any other comments?",
    },
    "Distribution": {
        "third_parties": "Will it be distributed to third parties?",
        "how": "How will it be distributed, and has it a DOI?",
        "when": "When will it be distributed?",
        "license": "Under which licence or terms of use will it be distributed?",
        "restrictions": "Have third parties imposed restrictions on the data?",
        "export_controls": "Do export controls or other regulations apply?",
        "distribution_other": "Any other comments?",
    },
    "Maintenance": {
        "maintainer": "Who supports, hosts and maintains the data set?",
        "contact": "How can its owner be contacted?",
        "erratum": "Is there an erratum?",
        "updates": "Will it be updated, how often and by whom?",
        "retention": "Are there limits on how long data about people is retained?",
        "older": "Will older versions be supported?",
        "contributions": "Is there a way for others to extend or correct it?",
        "maintenance_other": "Any other comments?",
    },
}

QUESTIONS = tuple(
    Question(section, name, text) for section, questions in _SECTIONS.items() for name, text in questions.items()
)
