import { useCallback, useEffect, useState } from "react";

import { useMay } from "../api/token";
import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { ErrorBanner } from "../components/ErrorBanner";
import { Page } from "../components/Page";
import { counted } from "../library/actions";
import { ActiveFilters } from "../library/ActiveFilters";
import { addressOfPerson } from "../library/api";
import { BulkBar } from "../library/BulkBar";
import { CaptureGrid } from "../library/CaptureGrid";
import type { CaptureList, ListState } from "../library/CaptureList";
import { Filters } from "../library/Filters";
import { useMoving } from "../library/movement";
import { changed, filtersOf, queryOf, type Filters as Values } from "../library/query";
import { NOTHING, selectedOf, type Selection } from "../library/selection";
import { useBulk, type Bulk } from "../library/useBulk";
import { useCaptureList } from "../library/useCaptureList";
import { usePerformer, type Performer } from "../library/usePerformer";
import { useSummary } from "../library/useSummary";
import { Link, setQuery, useQuery } from "../navigation";
import { useWords, words } from "../words";
import "../styles/library.css";

/** The library: every recorded capture, found by filters, looked at, judged and withdrawn. */
export function LibraryPage() {
  const filters = filtersOf(useQuery());
  const { library } = useWords();
  const query = queryOf(filters);
  const { list, state } = useCaptureList(query, { fresh: true });
  const { summary, failure, reload } = useSummary();
  const performer = usePerformer();
  const bulk = useBulk(list, performer.id, () => void reload()); // here, so that another filter loses no way back
  const nothingYet = summary?.total === 0 && query === "";
  return (
    <Page title={library.title} lead={library.lead}>
      {/* if the list does not come either, its banner says so */}
      <ErrorBanner failure={state.failure ? null : failure}>
        <Button tone="quiet" onClick={() => void reload()}>
          {library.again}
        </Button>
      </ErrorBanner>
      {nothingYet ? (
        <NothingYet />
      ) : (
        <div className="library">
          <FilterCard filters={filters} summary={summary} />
          <Results key={query} {...{ filters, query, list, state, summary, performer, bulk }} onReload={reload} />
        </div>
      )}
    </Page>
  );
}

type Summary = ReturnType<typeof useSummary>["summary"];

function show(filters: Values, typing = false): void {
  setQuery(queryOf(filters), typing);
}

function FilterCard({ filters, summary }: { readonly filters: Values; readonly summary: Summary }) {
  const { filters: texts } = useWords().library;
  const count = Object.keys(filters).length;
  // a phone shows them if asked; a wide screen always has them beside the list
  return (
    <details className="card library-filters" open={window.innerWidth >= 900}>
      <summary>
        <h2>{count > 0 ? texts.titleWith(count) : texts.title}</h2>
      </summary>
      <Filters filters={filters} summary={summary} onChange={show} />
    </details>
  );
}

interface ResultsProps {
  readonly filters: Values;
  readonly query: string;
  readonly list: CaptureList;
  readonly state: ListState;
  readonly summary: Summary;
  readonly performer: Performer;
  readonly bulk: Bulk;
  /** Loads the counts again. */
  readonly onReload: () => Promise<void>;
}

function Results({ filters, query, list, state, summary, performer, bulk, onReload }: ResultsProps) {
  const { captures, total, loading, failure } = state;
  const { library } = useWords();
  const [selection, setSelection] = useState<Selection>(NOTHING);
  const [moving, setMoving] = useMoving();
  useKeptScroll(list, captures.length > 0);
  const onSession = useCallback((id: string) => show(changed(filtersOf(query), "session_id", id)), [query]);
  const onEnd = useCallback(() => {
    if (list.state().failure === null) void list.loadMore();
  }, [list]);

  async function reload() {
    await Promise.all([list.reload(), onReload()]);
  }

  const selectAll = useCallback(async () => {
    const whole = await list.loadAll();
    if (whole) setSelection(new Set(list.state().captures.map(({ capture_id }) => capture_id)));
  }, [list]);

  return (
    <section className="library-results" aria-label={library.captures}>
      <ActiveFilters filters={filters} onChange={show} />
      <div className="library-head">
        <p role="status">{total === null ? loadingWords(loading) : counted(total)}</p>
        {captures.length > 0 && (
          <p className="takes-tools">
            <button type="button" className="text-button" onClick={() => void selectAll()}>
              {library.selectAll}
            </button>
            <button type="button" className="text-button" onClick={() => setMoving(!moving)}>
              {moving ? library.stopMovement : library.showMovement}
            </button>
            <button type="button" className="text-button" onClick={() => void reload()}>
              {library.reload}
            </button>
            {filters.participant !== undefined && (
              <Link to={addressOfPerson(filters.participant)}>{library.pageFor(filters.participant)}</Link>
            )}
          </p>
        )}
      </div>
      <ErrorBanner failure={failure}>
        <Button tone="quiet" onClick={() => void Promise.all([list.loadMore(), onReload()])}>
          {library.again}
        </Button>
      </ErrorBanner>
      {total === 0 && <NoMatch filters={filters} />}
      {captures.length > 0 && (
        <CaptureGrid
          {...{ captures, query, selection, moving, onSession, onEnd }}
          onSelect={setSelection}
          onSelectAll={() => void selectAll()}
        />
      )}
      <BulkBar
        selected={selectedOf(captures, selection)}
        bulk={bulk}
        performer={performer}
        summary={summary}
        onClear={() => {
          setSelection(NOTHING);
          document.querySelector<HTMLElement>('[data-place][tabindex="0"]')?.focus({ preventScroll: true });
        }}
      />
    </section>
  );
}

function loadingWords(loading: boolean): string {
  return loading ? words().library.loading : "";
}

/** Scrolls to where the person left the list, and remembers where they leave it. */
function useKeptScroll(list: CaptureList, filled: boolean): void {
  useEffect(() => {
    if (!filled) return undefined;
    if (list.scrolled > 0) window.scrollTo(0, list.scrolled);
    const keep = () => {
      list.scrolled = window.scrollY;
    };
    window.addEventListener("scroll", keep, { passive: true });
    return () => window.removeEventListener("scroll", keep);
  }, [list, filled]);
}

function NothingYet() {
  const { nothingYet: texts } = useWords().library;
  const mayRecord = useMay()("record");
  return (
    <Card title={texts.title}>
      <p>{texts.text}</p>
      {mayRecord && (
        <div className="actions">
          <Link className="button button-primary" to="/demo/gesture">
            {texts.record}
          </Link>
          <Link className="button button-quiet" to="/upload">
            {texts.upload}
          </Link>
        </div>
      )}
    </Card>
  );
}

function NoMatch({ filters }: { readonly filters: Values }) {
  const { noMatch: texts } = useWords().library;
  const narrowed = Object.keys(filters).length > 0;
  return (
    <div className="card stack">
      <h2>{narrowed ? texts.title : texts.none}</h2>
      <p>{narrowed ? texts.text : texts.noneYet}</p>
      {narrowed && (
        <div className="actions">
          <Button tone="quiet" onClick={() => show({})}>
            {texts.all}
          </Button>
        </div>
      )}
    </div>
  );
}
