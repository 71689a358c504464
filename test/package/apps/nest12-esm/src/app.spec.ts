import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFromReplica, send, start } from './app.js';

describe('an application of ES modules on Nest 12 and TypeORM 1', () => {
  let application: Awaited<ReturnType<typeof start>>;

  beforeAll(async () => {
    application = await start();
  });

  afterAll(() => application?.stop());

  it('writes to the primary and reads from a replica that has the write', async () => {
    const written = await send(`${application.baseUrl}/notes`, { text: 'milk' });
    expect(written).toMatchObject({ status: 201, node: 'primary' });

    const seen = await readFromReplica(`${application.baseUrl}/notes/${written.body.id}`);
    expect(seen).toMatchObject({ status: 200, node: 'replica-1', body: written.body });
  });

  it('shows the write while the replica does not have it yet', async () => {
    const [replica] = application.cluster.replicas;
    await replica?.pauseReplay();
    const written = await send(`${application.baseUrl}/notes`, { text: 'bread' });
    const seen = await send(`${application.baseUrl}/notes/${written.body.id}`);
    await replica?.resumeReplay();

    expect(seen).toMatchObject({ status: 200, node: 'primary', body: written.body });
  });

  it('reads from the primary where the handler says @ForcePrimary()', async () => {
    expect(await send(`${application.baseUrl}/notes/count`)).toMatchObject({ status: 200, node: 'primary' });
  });

  it('has a live page', async () => {
    const page = await fetch(`${application.baseUrl}/live`);
    expect(page.url).toBe(`${application.baseUrl}/live/`);
    const state = await (await fetch(new URL('state', page.url))).json();
    expect(state.dataSources).toMatchObject([
      { name: 'default', topology: { replicas: [{ name: 'replica-1' }] } },
    ]);
  });
});
