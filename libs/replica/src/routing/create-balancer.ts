import type { Balancer, BalancerFunction, BalancerName, BalancerSources } from './balancer.js';
import { FunctionBalancer } from './function.balancer.js';
import { LeastBusyBalancer } from './least-busy.balancer.js';
import { NearestBalancer } from './nearest.balancer.js';
import { RandomBalancer } from './random.balancer.js';
import { RoundRobinBalancer } from './round-robin.balancer.js';
import { WeightedRoundRobinBalancer } from './weighted-round-robin.balancer.js';

/** A new balancer for a value of the option `balancer`. */
export function createBalancer(option: BalancerName | BalancerFunction, sources: BalancerSources): Balancer {
  if (typeof option === 'function') return new FunctionBalancer(option, sources);
  switch (option) {
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
