import '../support/cluster/on-mariadb.js';
import '../faults/reads-without-primary.spec.js';
