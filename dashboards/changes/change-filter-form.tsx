// All filters of the change log as one form. Applying it is a new address.
import type { ReactNode } from 'react';
import { Link, useSearchParams } from 'react-router';
import { useAnswer } from '../answers/use-answer.ts';
import { ChoiceMenu } from '../parts/choice-menu.tsx';
import { InstantField, SelectField, TextField } from '../parts/field.tsx';
import { describeOutcome, KNOWN_OUTCOMES } from '../words/outcome-words.ts';
import { describeStage, KNOWN_STAGES } from '../words/stage-words.ts';
import { listChips, readChangeFilter, readList, writeChangeFilter } from './change-filter.ts';
import { agentsQuery } from './changes-query.ts';

export function ChangeFilterForm(): ReactNode {
  const [params, setParams] = useSearchParams();
  // A new address is a new form: its fields begin with what the address says.
  return (
    <form
      key={params.toString()}
      className="filter"
      aria-label="Filter the changes"
      onSubmit={(event) => {
        event.preventDefault();
        setParams(writeChangeFilter(new FormData(event.currentTarget)));
      }}
    >
      <MainFields params={params} />
      <RareFields params={params} />
      <div className="filter-actions">
        <button type="submit" className="primary">
          Apply
        </button>
        {listChips(params).length > 0 && <Link to="?">Clear all</Link>}
      </div>
    </form>
  );
}

function MainFields({ params }: { params: URLSearchParams }): ReactNode {
  const filter = readChangeFilter(params);
  return (
    <div className="filter-fields">
      <InstantField label="From" name="from" value={filter.from ?? undefined} />
      <InstantField label="To" name="to" value={filter.to ?? undefined} />
      <AgentField value={filter.agent ?? ''} />
      <TextField label="Attribute" name="attribute" defaultValue={filter.attribute ?? ''} />
      <TextField label="Value, old or new, exactly" name="value" defaultValue={filter.value ?? ''} />
      <TextField label="Initiator" name="initiator" defaultValue={filter.initiator ?? ''} />
      <ChoiceMenu
        name="stages"
        label="Stage"
        chosen={readList(params, 'stages')}
        choices={listWithChosen(KNOWN_STAGES, readList(params, 'stages')).map((value) => ({
          value,
          text: describeStage(value),
        }))}
      />
      <ChoiceMenu
        name="outcomes"
        label="Outcome"
        chosen={readList(params, 'outcomes')}
        choices={listWithChosen(KNOWN_OUTCOMES, readList(params, 'outcomes')).map((value) => ({
          value,
          text: describeOutcome('', value),
          note: value,
        }))}
      />
    </div>
  );
}

function RareFields({ params }: { params: URLSearchParams }): ReactNode {
  const filter = readChangeFilter(params);
  const used = ['object', 'rule', 'run', 'watermark', 'outOfBand'].some((key) => params.has(key));
  return (
    <details className="filter-more" open={used}>
      <summary>More filters</summary>
      <div className="filter-fields">
        <TextField label="Object (its id)" name="object" defaultValue={filter.object ?? ''} />
        <TextField label="Rule" name="rule" defaultValue={filter.rule ?? ''} />
        <TextField
          label="Run (its number)"
          name="run"
          inputMode="numeric"
          pattern="[0-9]*"
          defaultValue={String(filter.run ?? '')}
        />
        <TextField
          label="As known at sequence"
          name="watermark"
          inputMode="numeric"
          pattern="[0-9]*"
          defaultValue={String(filter.watermark ?? '')}
        />
        <label className="check">
          <input type="checkbox" name="outOfBand" value="true" defaultChecked={filter.outOfBand === true} />
          Out of band only
        </label>
      </div>
    </details>
  );
}

export function AgentField({ value }: { value: string }): ReactNode {
  const { data } = useAnswer(agentsQuery, {});
  const choices = (data?.agents ?? []).map((agent) => ({ value: agent.name, text: agent.name }));
  // The choices come later than the form: then it is a new select, which keeps the address's value.
  return <SelectField key={choices.length} label="Agent" name="agent" value={value} choices={choices} />;
}

export function FilterChips(): ReactNode {
  const [params] = useSearchParams();
  const chips = listChips(params);
  if (chips.length === 0) return null;
  return (
    <ul className="chips" aria-label="Filters in force">
      {chips.map((chip) => (
        <li key={chip.key}>
          <span className="muted">{chip.label}</span> {chip.text}
          <Link to={`?${chip.without}`} aria-label={`Remove the filter ${chip.label} ${chip.text}`}>
            ×
          </Link>
        </li>
      ))}
    </ul>
  );
}

function listWithChosen(known: readonly string[], chosen: readonly string[]): string[] {
  return [...new Set([...chosen, ...known])];
}
