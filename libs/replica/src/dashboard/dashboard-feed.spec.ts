import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { MessageEvent } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import { RecentCounts } from '../observability/recent-counts.js';
import { RouteCounts } from '../observability/route-counts.js';
import { DashboardFeed } from './dashboard-feed.js';
import { resolveDashboardOptions } from './dashboard-options.js';
import type { DashboardState } from './dashboard-state.js';

/** A router of a primary and a replica, whose replica answers 10 more reads each time somebody asks. */
class FakeRouter {
  isEnabled = true;
  snapshots = 0;
  isInitialized = true;
  reads = 0;
  readonly counts = new RouteCounts();

  recentCounts(nowMs: number): RecentCounts {
    return new RecentCounts(this.counts, undefined, nowMs);
  }

  topology(): object {
    if (!this.isInitialized) throw new Error('not initialized');
    const node = { health: 'up', lagMs: 0 };
    return { primary: { ...node, name: 'primary' }, replicas: [{ ...node, name: 'replica-1', lagMs: 7 }] };
  }

  stats(): object {
    this.reads += 10;
    const answered = { node: 'replica-1', kind: 'read', failed: 0 };
    return {
      routes: [
        { ...answered, reason: 'session-free', count: this.reads },
        { ...answered, kind: 'write', count: 1_000 },
        { ...answered, node: null, count: 1_000 },
      ],
      patterns: Array.from({ length: 60 }, (_, index) => ({
        digest: `d${index}`,
        kind: 'read',
        reasons: { [index === 57 ? 'replica-failed' : 'session-free']: 1 },
      })),
    };
  }

  recentEvents(): readonly object[] {
    this.snapshots++;
    return [{ event: 'statement:refused', digest: 'd53' }];
  }

  catalogStatus(): object {
    return { isLoaded: true };
  }
}

describe('the feed of the page', () => {
  let router: FakeRouter;
  let feed: DashboardFeed;

  beforeEach(() => {
    jest.useFakeTimers();
    router = new FakeRouter();
    const moduleRef = { get: () => [router] } as unknown as ModuleRef;
    feed = new DashboardFeed(moduleRef, resolveDashboardOptions({}, 'test'));
    feed.onModuleInit();
    feed.onApplicationBootstrap();
  });

  afterEach(() => {
    feed.onModuleDestroy();
    jest.useRealTimers();
  });

  const messagesOf = (
    isBusy = () => false,
  ): { messages: DashboardState[]; stop: () => void; ended: () => boolean } => {
    const messages: DashboardState[] = [];
    let hasEnded = false;
    const subscription = feed.watch(isBusy).subscribe({
      next: ({ data }: MessageEvent) => messages.push(JSON.parse(data as string) as DashboardState),
      complete: () => (hasEnded = true),
    });
    return { messages, stop: () => subscription.unsubscribe(), ended: () => hasEnded };
  };

  it('makes one snapshot a second for all viewers, and none while nobody looks', () => {
    jest.advanceTimersByTime(10_000);
    expect(router.snapshots).toBe(0);

    const viewers = [messagesOf(), messagesOf(), messagesOf()];
    expect(router.snapshots).toBe(3);
    jest.advanceTimersByTime(5_000);
    expect(router.snapshots).toBe(8);
    for (const { messages } of viewers) expect(messages.slice(1)).toEqual(viewers[0]?.messages.slice(1));
    expect(viewers[0]?.messages).toHaveLength(6);

    for (const { stop } of viewers) stop();
    jest.advanceTimersByTime(10_000);
    expect(router.snapshots).toBe(8);
  });

  it('tells a new viewer the last 15 minutes, and later only the newest second', () => {
    jest.advanceTimersByTime(20 * 60_000);
    const { messages } = messagesOf();
    jest.advanceTimersByTime(1_000);
    const [first, second] = messages.map(({ dataSources }) => dataSources[0]?.history ?? []);
    expect(first).toHaveLength(900);
    expect(second).toHaveLength(1);
    expect(second?.[0]?.atMs).toBe((first?.at(-1)?.atMs ?? 0) + 1_000);
    expect(first?.at(-1)?.nodes).toEqual({
      primary: { lagMs: 0, reads: 0 },
      'replica-1': { lagMs: 7, reads: 10 },
    });
  });

  it('answers with what is newer than what the viewer has', () => {
    jest.advanceTimersByTime(10_000);
    const all = feed.state(0).dataSources[0]?.history ?? [];
    expect(feed.state(all[6]?.atMs ?? 0).dataSources[0]?.history).toEqual(all.slice(7));
  });

  it('tells the most frequent statements, and those that came back to the primary', () => {
    const { patterns = [] } = feed.state(0).dataSources[0]?.stats ?? {};
    expect(patterns).toHaveLength(52);
    expect(patterns.slice(49).map(({ digest }) => digest)).toEqual(['d49', 'd53', 'd57']);
  });

  it('tells apart what happened in the last minutes', () => {
    router.counts.of('primary', 'primary', 'write', 'write').count += 5;
    expect(feed.state(0).dataSources[0]?.recent.routes).toMatchObject([{ reason: 'write', count: 5 }]);
    jest.advanceTimersByTime(7 * 60_000);
    expect(feed.state(0).dataSources[0]?.recent).toMatchObject({ routes: [], patterns: [] });
  });

  it('skips viewers who do not read', () => {
    let isBusy = true;
    const { messages } = messagesOf(() => isBusy);
    jest.advanceTimersByTime(5_000);
    isBusy = false;
    jest.advanceTimersByTime(2_000);
    expect(messages).toHaveLength(3);
  });

  it('goes on while a data source is not initialized', () => {
    router.isInitialized = false;
    const { messages } = messagesOf();
    jest.advanceTimersByTime(2_000);
    router.isInitialized = true;
    jest.advanceTimersByTime(1_000);
    expect(messages.map(({ dataSources }) => dataSources[0]?.topology !== null)).toEqual([
      false,
      false,
      false,
      true,
    ]);
    expect(messages[2]?.dataSources[0]).toMatchObject({
      topology: null,
      catalog: { isLoaded: true },
      history: [],
    });
  });

  it('ends all connections when the application closes', () => {
    const { ended } = messagesOf();
    feed.onModuleDestroy();
    expect(ended()).toBe(true);
    expect(messagesOf().ended()).toBe(true);
    expect(jest.getTimerCount()).toBe(0);
  });
});
