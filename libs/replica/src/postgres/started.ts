/** Starts a task that gives a promise; one that throws at once gives a rejected one. */
export function started<T>(task: () => Promise<T>): Promise<T> {
  try {
    return task();
  } catch (error) {
    return Promise.reject(error);
  }
}
