import '../support/cluster/on-mariadb.js';
import '../faults/primary-away.spec.js';
