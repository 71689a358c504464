import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { HttpScope } from './http-scope.js';
import { RequestOpener } from './request-opener.js';

/**
 * Lets everything pass. Tells the request which handler it is for, from which a `session.key` of the application's own may find its
 * session. The session's state is loaded when a statement asks for it: a session that is ahead of the replicas then sticks to the
 * primary until they have caught up.
 */
@Injectable()
export class StickyPrimaryGuard implements CanActivate {
  /**
   * @internal Nest makes it.
   * @param isLast no interceptor of ours follows, so for us the handler begins here
   */
  constructor(
    private readonly opener: RequestOpener,
    private readonly isLast = false,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const scope = this.opener.opened(context);
    if (!(scope instanceof HttpScope)) return true;
    if (this.isLast) this.opener.begin(context, scope);
    else scope.guardRuns(context);
    return true;
  }
}
