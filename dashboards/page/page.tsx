// The frame of one page: its title, its heading, and the focus, which follows a navigation to the heading so that a
// screen reader says where one has come.
import { type ReactNode, useEffect, useRef } from 'react';
import { useLocation, useNavigationType } from 'react-router';

interface PageProps {
  title: string;
  /** Above the heading: what kind of thing this is, and the way back. */
  above?: ReactNode;
  /** Beside the heading. */
  beside?: ReactNode;
  /** One sentence under the heading. */
  lead?: ReactNode;
  children: ReactNode;
}

export function Page({ title, above, beside, lead, children }: PageProps): ReactNode {
  const heading = useRef<HTMLHeadingElement>(null);
  const { key, pathname } = useLocation();
  const arrival = useNavigationType();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new path moves the focus, a new filter does not
  useEffect(() => {
    if (key === 'default') return;
    heading.current?.focus({ preventScroll: true });
    if (arrival !== 'POP') window.scrollTo(0, 0);
  }, [pathname]);
  return (
    <main id="content" className="page">
      <title>{`${title} · Metatrail`}</title>
      <header className="page-header">
        {above !== undefined && <p className="page-above">{above}</p>}
        <div className="page-heading">
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {beside}
        </div>
        {lead !== undefined && <p className="page-lead">{lead}</p>}
      </header>
      {children}
    </main>
  );
}

/** A part of a page with its own heading. */
export function Section({ title, note, id, className = '', children }: SectionProps): ReactNode {
  return (
    <section className={`section ${className}`} id={id}>
      <div className="section-heading">
        <h2>{title}</h2>
        {note !== undefined && <p className="muted">{note}</p>}
      </div>
      {children}
    </section>
  );
}

interface SectionProps {
  title: string;
  note?: ReactNode;
  id?: string;
  className?: string;
  children: ReactNode;
}
