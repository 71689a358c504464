import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { DataSourceState } from '../../src/dashboard/dashboard-state.js';
import type { Perform } from './connection.js';

/** The switch of routing. To switch it off moves all load to the primary, so that takes two clicks. */
export function Routing({ source, perform }: { source: DataSourceState; perform: Perform }): VNode {
  const [isAsking, setAsking] = useState(false);
  const send = (name: 'enable' | 'disable'): void => {
    setAsking(false);
    perform({ name, dataSource: source.name });
  };
  if (!source.isEnabled)
    return (
      <p class="routing">
        <button onClick={() => send('enable')}>Let reads leave the primary again</button>
      </p>
    );
  return (
    <p class="routing">
      {isAsking ? (
        <>
          All reads of this process will load the primary.{' '}
          <button class="danger" onClick={() => send('disable')}>
            Switch routing off
          </button>{' '}
          <button onClick={() => setAsking(false)}>Keep it on</button>
        </>
      ) : (
        <button onClick={() => setAsking(true)}>Switch routing off…</button>
      )}
    </p>
  );
}
