import { serveApp } from './support/faults-rpc.js';

/** The application of the benchmark `faults`, with its clients: a process of its own, which a fault may end. */
serveApp();
