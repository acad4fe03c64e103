// Several of many: a summary that opens a list of check boxes. Closes with Escape and when the focus leaves it.
import { type ReactNode, useRef, useState } from 'react';

interface ChoiceMenuProps {
  name: string;
  label: string;
  choices: readonly { value: string; text: string; note?: string }[];
  chosen: readonly string[];
}

export function ChoiceMenu({ name, label, choices, chosen }: ChoiceMenuProps): ReactNode {
  const [count, setCount] = useState(chosen.length);
  const menu = useRef<HTMLDetailsElement>(null);
  const close = (): void => {
    if (menu.current !== null) menu.current.open = false;
  };
  return (
    <details
      className="choice-menu"
      ref={menu}
      onChange={() => setCount(menu.current?.querySelectorAll('input:checked').length ?? 0)}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        close();
        menu.current?.querySelector('summary')?.focus();
      }}
      onBlur={(event) => {
        if (event.relatedTarget !== null && !event.currentTarget.contains(event.relatedTarget)) close();
      }}
    >
      <summary>
        <span className="field-label">{label}</span>
        <span className="choice-summary">{count === 0 ? 'Any' : `${count} chosen`}</span>
      </summary>
      <fieldset className="choice-list">
        <legend className="visually-hidden">{label}</legend>
        {choices.map(({ value, text, note }) => (
          <label key={value}>
            <input type="checkbox" name={name} value={value} defaultChecked={chosen.includes(value)} />
            <span>
              {text}
              {note !== undefined && <code>{note}</code>}
            </span>
          </label>
        ))}
      </fieldset>
    </details>
  );
}
