// Catches what a page throws while it is drawn: "not signed in", and mistakes of our own.
import { Component, type ReactNode } from 'react';
import { ServiceError } from '../service-error.ts';
import { SignInPage, SignInWithProvider } from './sign-in-page.tsx';

interface FailureBoundaryProps {
  /** Forgets the failed answers, so that they are asked again. */
  onRetry: () => void;
  /** Where the person is: going elsewhere leaves the failure behind. */
  place: string;
  children: ReactNode;
}

export class FailureBoundary extends Component<FailureBoundaryProps, { error: unknown }> {
  override state: { error: unknown } = { error: undefined };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override componentDidUpdate(before: FailureBoundaryProps): void {
    if (before.place !== this.props.place && this.state.error !== undefined) this.retry();
  }

  private readonly retry = (): void => {
    this.props.onRetry();
    this.setState({ error: undefined });
  };

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    if (error instanceof ServiceError && error.failure === 'sign-in') {
      return error.way === 'openid' ? <SignInWithProvider /> : <SignInPage retry={this.retry} />;
    }
    return (
      <main className="sign-in">
        <title>Mistake · Metatrail</title>
        <h1>This page has a mistake</h1>
        <p>{error instanceof Error ? error.message : String(error)}</p>
        <button type="button" className="primary" onClick={this.retry}>
          Show it again
        </button>
      </main>
    );
  }
}
