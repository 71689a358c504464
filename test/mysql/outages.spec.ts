import '../support/cluster/on-mariadb.js';
import '../faults/outages.spec.js';
