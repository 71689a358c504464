import type { LoadedAppOptions } from '../faults/support/loaded-app.js';
import { serveApp } from './support/faults-rpc.js';

/** The application of the benchmark `faults`, with its clients: a process of its own, which a fault may end. */
await serveApp(JSON.parse(process.env.FAULTS_APP ?? '{}') as LoadedAppOptions);
