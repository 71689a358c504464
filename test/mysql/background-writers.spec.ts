import '../support/cluster/on-mariadb.js';
import '../integration/sessions/background-writers.spec.js';
