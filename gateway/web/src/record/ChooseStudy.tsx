import { useCallback, useState } from "react";

import { identifierFault } from "../api/header";
import type { StudyList } from "../api/messages";
import { useAccess } from "../api/token";
import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { ErrorBanner } from "../components/ErrorBanner";
import { Field } from "../components/Field";
import { readSettings, writeSettings } from "../handsfree/settings";
import { useAnswer } from "../library/useAnswer";
import { Link, setQuery } from "../navigation";
import { ownPerson, PersonField, useOwnPeople } from "../session/PersonField";
import { useWords } from "../words";
import { queryOf, studyIn } from "./address";
import { askStudies } from "./api";
import { Icon } from "./Icon";

/** Asks which study, and for the participant's code. The address then has both. */
export function ChooseStudy() {
  const { record } = useWords();
  const { send } = useAccess();
  const { answer, failure, reload } = useAnswer(useCallback(() => askStudies(send), [send]));
  return (
    <Card title={record.choose.study}>
      <ErrorBanner failure={failure}>
        <Button tone="quiet" onClick={reload}>
          {record.choose.reload}
        </Button>
      </ErrorBanner>
      {answer ? <Form list={answer} /> : !failure && <p>{record.loading}</p>}
    </Card>
  );
}

function Form({ list: { studies, unreadable } }: { readonly list: StudyList }) {
  const { home, record } = useWords();
  const { choose } = record;
  const [only] = studies.length === 1 ? studies : [];
  const [chosen, setChosen] = useState(() => studyIn(window.location.search) ?? only?.study);
  const [named, setUser] = useState("");
  const user = ownPerson(useOwnPeople(), named);
  const [helper, setHelper] = useState("");
  const faults = [identifierFault(user), identifierFault(helper)];
  const study = studies.find((each) => each.study === chosen)?.study;
  const wrong = faults.some(Boolean) ? choose.wrong : undefined;
  const sitting = study === undefined || user === "" || wrong ? null : { study, user, helper: helper || user };
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (sitting) setQuery(writeSettings(queryOf(sitting), readSettings(window.location.search)));
      }}
    >
      {studies.length === 0 && (
        <p>
          {choose.none} <Link to="/demo/gesture">{home.record.link}</Link>
        </p>
      )}
      {unreadable.length > 0 && <p className="note">{choose.unreadable(unreadable.join(", "))}</p>}
      <fieldset className="choices record-studies">
        <legend className="visually-hidden">{choose.study}</legend>
        {studies.map((each) => (
          <label className="choice record-study" key={each.study}>
            <input type="radio" name="study" checked={each.study === chosen} onChange={() => setChosen(each.study)} />
            <strong lang={each.language ?? undefined}>{each.title}</strong>
            <span className="record-size">{choose.of(each.prompts, each.wanted)}</span>
          </label>
        ))}
      </fieldset>
      <div className="fields">
        <PersonField
          label={choose.user}
          hint={choose.userHint}
          value={user}
          onChange={setUser}
          error={faults[0]}
          maxLength={128}
          required
        />
        <Field
          label={choose.helper}
          hint={choose.helperHint}
          value={helper}
          onChange={setHelper}
          error={faults[1]}
          maxLength={128}
        />
      </div>
      <div className="record-controls">
        <Button type="submit" blocked={wrong ?? (sitting ? undefined : choose.missing)}>
          <Icon name="goOn" /> {choose.go}
        </Button>
      </div>
    </form>
  );
}
