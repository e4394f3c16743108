/** What lies in the directory of a cluster on this machine, beside one directory a node. */
export const CLUSTER_FILE = "cluster.json";
export const CERTIFICATES_DIR = "certs";
