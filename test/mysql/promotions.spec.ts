import '../support/cluster/on-mariadb.js';
import '../faults/promotions.spec.js';
