//! Transport: gRPC services, TLS, probes and metrics, shutdown. Nothing is decided here.
