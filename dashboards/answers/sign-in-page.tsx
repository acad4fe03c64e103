// What a person sees whom the service does not know. There are no passwords: an identity provider knows them, or the program
// prints a link for one use.
import type { ReactNode } from 'react';
import { resolveAddress } from '../request.ts';

export function SignInPage({ retry }: { retry: () => void }): ReactNode {
  return (
    <main className="sign-in">
      <title>Sign in · Metatrail</title>
      <img src="favicon.svg" alt="" width="48" height="48" />
      <h1>Sign in</h1>
      <p>
        Metatrail records who looks at the change log, so it has to know who you are. Open the one-time link that the
        program printed when it started.
      </p>
      <p>For a new link, run this where Metatrail is installed:</p>
      <pre>
        <code>npx metatrail sign-in</code>
      </pre>
      <p className="muted">The link works once. After it, this browser stays signed in.</p>
      <button type="button" className="primary" onClick={retry}>
        I have signed in
      </button>
    </main>
  );
}

export function SignInWithProvider(): ReactNode {
  return (
    <main className="sign-in">
      <title>Sign in · Metatrail</title>
      <img src="favicon.svg" alt="" width="48" height="48" />
      <h1>Sign in</h1>
      <p>
        Metatrail records who looks at the change log, so it has to know who you are. Your identity provider tells it,
        and which roles your groups have here.
      </p>
      <p>
        <a href={resolveAddress('sign-in')}>Sign in</a>
      </p>
      <p className="muted">After twelve hours, or an hour in which you ask nothing, you sign in again.</p>
    </main>
  );
}
