import { serveApp } from './support/faults-rpc.js';

/** The application of the benchmark `faults` with its clients, in a process of its own that a fault may end. */
serveApp();
