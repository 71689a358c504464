/** Waits for a condition that some event brings about; fails after 60 s. */
export async function until(holds: () => boolean | Promise<boolean>, what = 'the condition'): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`${what} did not come about within 60 s`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
