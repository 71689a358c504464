import '../support/cluster/on-mariadb.js';
import '../faults/replica-faults.spec.js';
