/** HTTP methods that promise not to write: RFC 9110, section 9.2.1. */
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

/** Whether a request of this HTTP method, in capital letters, promises not to write. */
export function isSafeMethod(method: string): boolean {
  return SAFE_METHODS.includes(method);
}
