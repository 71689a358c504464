import '../support/cluster/on-mariadb.js';
import '../faults/endpoints.spec.js';
