//go:build tools

// Package gateway pins versitygw, an S3 server, which is built from its module as it was released.
package gateway

import _ "github.com/versity/versitygw/cmd/versitygw"
