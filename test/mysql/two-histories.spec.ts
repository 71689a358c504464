import '../support/cluster/on-mariadb.js';
import '../faults/two-histories.spec.js';
