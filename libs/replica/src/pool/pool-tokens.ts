import { Inject } from '@nestjs/common';
import { ReplicaRouter } from '../engine/replica-router.js';
import { DEFAULT_NAME } from '../nest/module-tokens.js';

/** The injection token of the pool with that name, or of the default one: for `overrideProvider()`, and for providers of your own. */
export function getRoutingPoolToken(name: string = DEFAULT_NAME): string {
  return `${name}RoutingPool`;
}

/** Injects the `RoutingPool` with that name, or the default one. */
export function InjectRoutingPool(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(getRoutingPoolToken(name));
}

/** The injection token of a pool's router; without a name, that of the default pool. */
export function getReplicaRouterToken(name: string = DEFAULT_NAME): string | typeof ReplicaRouter {
  return name === DEFAULT_NAME ? ReplicaRouter : `${name}ReplicaRouter`;
}

/** Injects the `ReplicaRouter` of the pool with that name, or of the default one. */
export function InjectReplicaRouter(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(getReplicaRouterToken(name));
}

/** The options of the pool with that name. */
export function getPoolOptionsToken(name: string): string {
  return `${name}RoutingPoolOptions`;
}
