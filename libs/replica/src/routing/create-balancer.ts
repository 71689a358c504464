import type { Balancer, BalancerFunction, BalancerName, BalancerSources } from './balancer.js';
import { FunctionBalancer } from './function.balancer.js';
import { LeastBusyBalancer } from './least-busy.balancer.js';
import { NearestBalancer } from './nearest.balancer.js';
import { RandomBalancer } from './random.balancer.js';
import { RoundRobinBalancer } from './round-robin.balancer.js';
import { WeightedRoundRobinBalancer } from './weighted-round-robin.balancer.js';

/** The balancer that the option `balancer` asks for, with state of its own. */
export function createBalancer(asked: BalancerName | BalancerFunction, sources: BalancerSources): Balancer {
  if (typeof asked === 'function') return new FunctionBalancer(asked, sources);
  switch (asked) {
    case 'least-busy':
      return new LeastBusyBalancer(sources);
    case 'round-robin':
      return new RoundRobinBalancer();
    case 'random':
      return new RandomBalancer(sources);
    case 'weighted-round-robin':
      return new WeightedRoundRobinBalancer();
    case 'nearest':
      break;
  }
  return new NearestBalancer(sources.region, new LeastBusyBalancer(sources));
}
