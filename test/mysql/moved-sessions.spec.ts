import '../support/cluster/on-mariadb.js';
import '../faults/failover.spec.js';
