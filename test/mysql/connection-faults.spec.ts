import '../support/cluster/on-mariadb.js';
import '../faults/connection-faults.spec.js';
