const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/** How long Ctrl-C may take; milliseconds. */
const MAX_MS = 4_000;

/** Calls `stop` at Ctrl-C (SIGINT) or SIGTERM, and exits when it is done or has taken too long. */
export function stopOnSignal(stop: () => Promise<void>): void {
  let isStopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    // One Ctrl-C arrives twice: the terminal sends it to every process, and npm passes its own on.
    if (isStopping) return;
    isStopping = true;
    console.log(`\n${signal}: stopping ...`);
    setTimeout(() => exit(1, `not stopped within ${MAX_MS} ms`), MAX_MS);
    stop().then(
      () => exit(0, 'stopped'),
      (error: unknown) => exit(1, error),
    );
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
}

function exit(code: number, message: unknown): void {
  console.log(message);
  process.exit(code);
}
