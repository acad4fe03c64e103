// One labelled field of a form.
import type { InputHTMLAttributes, ReactNode } from 'react';
import { writeLocal } from '../dates.ts';

interface TextFieldProps extends InputHTMLAttributes<HTMLInputElement> {
  label: string;
  name: string;
  hint?: string;
}

export function TextField({ label, hint, className = '', ...input }: TextFieldProps): ReactNode {
  return (
    <label className={`field ${className}`}>
      <span className="field-label">{label}</span>
      <input type="text" autoComplete="off" spellCheck={false} {...input} />
      {hint !== undefined && <span className="field-hint">{hint}</span>}
    </label>
  );
}

interface InstantFieldProps {
  label: string;
  name: string;
  value: string | undefined;
}

/** A date and time that is UTC, whatever the zone of the browser. */
export function InstantField({ label, name, value }: InstantFieldProps): ReactNode {
  return (
    <TextField
      label={`${label} (UTC)`}
      name={name}
      type="datetime-local"
      step={1}
      defaultValue={writeLocal(value)}
      className="field-instant"
    />
  );
}

interface SelectFieldProps {
  label: string;
  name: string;
  value: string;
  choices: readonly { value: string; text: string }[];
}

/** One of several, or any. A value that is not among the choices is kept: it came with a link. */
export function SelectField({ label, name, value, choices }: SelectFieldProps): ReactNode {
  const known = value === '' || choices.some((choice) => choice.value === value);
  return (
    <label className="field">
      <span className="field-label">{label}</span>
      <select name={name} defaultValue={value}>
        <option value="">Any</option>
        {!known && <option value={value}>{value}</option>}
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.text}
          </option>
        ))}
      </select>
    </label>
  );
}
