import type { ExecutionContext } from '@nestjs/common';
import type { DataSourceRouter } from 'nestjs-replica';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** With `app.use(nameTheBrowser)`, before anything writes; `session: { key: fromCookie('sid') }`. */
export function nameTheBrowser(request: IncomingMessage, response: ServerResponse, next: () => void): void {
  if (!/(?:^|; )sid=/.test(request.headers.cookie ?? ''))
    response.appendHeader('set-cookie', `sid=${randomUUID()}; Path=/; HttpOnly; SameSite=Lax`);
  next();
}

interface AuthenticatedRequest {
  readonly user?: { readonly id: string };
}

/** `session: { key: userOf }`. Not `null` while the guard has not run: that would be the last word. */
export function userOf(context: ExecutionContext): string | undefined {
  if (context.getType() !== 'http') return undefined;
  return context.switchToHttp().getRequest<AuthenticatedRequest>().user?.id;
}

export async function waitForReplica(router: DataSourceRouter): Promise<void> {
  const everything = await router.currentToken(); // outside a request: all that was committed by now
  if (!(await router.waitForToken(everything, { timeoutMs: 5_000 }))) throw new Error('the replica is late');
}
