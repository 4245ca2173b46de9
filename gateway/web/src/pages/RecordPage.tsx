import { useCallback, useMemo } from "react";

import { useAccess } from "../api/token";
import { InsecureNotice } from "../camera/InsecureNotice";
import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { ErrorBanner } from "../components/ErrorBanner";
import { Page } from "../components/Page";
import { HandsFree } from "../handsfree/HandsFree";
import { useAnswer } from "../library/useAnswer";
import { RealtimeProvider } from "../live/RealtimeContext";
import { setQuery, useQuery } from "../navigation";
import { queryOf, sittingIn, type Sitting } from "../record/address";
import { askSitting } from "../record/api";
import { ChooseStudy } from "../record/ChooseStudy";
import { SittingView } from "../record/SittingView";
import { useWords } from "../words";
import "../styles/capture.css";
import "../styles/record.css";

/** Leads a participant through a study: one prompt after the other. The address says which study, and who. */
export function RecordPage() {
  const present = sittingIn(useQuery());
  const key = present && queryOf(present); // of all that the address says, only this begins another sitting
  const sitting = useMemo(() => (key === null ? null : sittingIn(key)), [key]);
  return sitting ? <LoadedSitting key={key} sitting={sitting} /> : <Choice />;
}

function Choice() {
  const { record } = useWords();
  return (
    <Page title={record.title} lead={record.lead}>
      <InsecureNotice />
      <ChooseStudy />
      <HandsFree />
    </Page>
  );
}

function LoadedSitting({ sitting }: { readonly sitting: Sitting }) {
  const { record } = useWords();
  const { send } = useAccess();
  const { answer, failure, reload } = useAnswer(useCallback(() => askSitting(send, sitting), [send, sitting]));
  if (answer) {
    return (
      <RealtimeProvider>
        <SittingView sitting={sitting} loaded={answer} />
      </RealtimeProvider>
    );
  }
  return (
    <Page title={record.title}>
      <Card title={sitting.study}>
        <ErrorBanner failure={failure}>
          <Button onClick={reload}>{record.choose.reload}</Button>
          <Button tone="quiet" onClick={() => setQuery("")}>
            {record.choose.other}
          </Button>
        </ErrorBanner>
        {!failure && <p>{record.loading}</p>}
      </Card>
    </Page>
  );
}
