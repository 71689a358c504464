import '../support/cluster/on-mariadb.js';
import '../faults/lag.spec.js';
