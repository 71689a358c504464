import '../support/cluster/on-mariadb.js';
import '../integration/sessions/parallel-requests.spec.js';
