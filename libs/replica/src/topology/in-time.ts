/** Settles like `outcome`, or like `late()` if that takes longer than `timeoutMs` milliseconds. */
export async function inTime<T, L>(
  outcome: Promise<T>,
  timeoutMs: number,
  late: () => L | Promise<L>,
): Promise<T | L> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, timeoutMs)));
  try {
    return await Promise.race([outcome, timeout.then(late)]);
  } finally {
    clearTimeout(timer);
  }
}
