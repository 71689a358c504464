import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { DashboardState } from '../../src/dashboard/dashboard-state.js';
import { act, Connection, type Link, type Perform } from './connection.js';
import { DataSourceView } from './data-source-view.jsx';
import { clock } from './format.js';

export function App(): VNode {
  const [state, setState] = useState<DashboardState>();
  const [link, setLink] = useState<Link>('connecting');
  const [isPaused, setPaused] = useState(false);
  const [chosen, setChosen] = useState(0);
  const [problem, setProblem] = useState('');

  useEffect(() => {
    if (isPaused) return undefined;
    const connection = new Connection({ onState: setState, onLink: setLink });
    connection.start();
    return () => connection.stop();
  }, [isPaused]);

  if (state === undefined)
    return (
      <main class="waiting">
        <p>
          {link === 'lost'
            ? 'The application does not answer. The page goes on asking.'
            : 'Asking the application…'}
        </p>
      </main>
    );

  const instance = `${state.instance.host}:${state.instance.pid}`;
  const perform: Perform = (action) => {
    setProblem('');
    act({ ...action, instance }).catch((error: Error) => setProblem(error.message));
  };
  const source = state.dataSources[chosen] ?? state.dataSources[0];
  return (
    <>
      <header class="bar">
        <h1>Replicas</h1>
        {state.dataSources.length > 1 && (
          <nav aria-label="Data sources">
            {state.dataSources.map(({ name }, index) => (
              <button aria-pressed={index === chosen} onClick={() => setChosen(index)}>
                {name}
              </button>
            ))}
          </nav>
        )}
        <p class="link" data-link={isPaused ? 'paused' : link}>
          {isPaused
            ? `Paused at ${clock(state.atMs)}`
            : link === 'lost'
              ? `No answer since ${clock(state.atMs)}`
              : 'Live'}
        </p>
        <button onClick={() => setPaused(!isPaused)}>{isPaused ? 'Go on' : 'Pause'}</button>
      </header>
      <main>
        {problem !== '' && (
          <p class="problem" role="alert">
            {problem} <button onClick={() => setProblem('')}>Dismiss</button>
          </p>
        )}
        {source !== undefined && (
          <DataSourceView key={source.name} source={source} hasActions={state.hasActions} perform={perform} />
        )}
      </main>
      <footer>
        <p>
          This instance: <strong>{instance}</strong>. Each process of the application routes for itself, and
          this page shows one of them. Behind a load balancer, that is the one which answered.
        </p>
      </footer>
    </>
  );
}
