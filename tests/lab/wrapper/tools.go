//go:build tools

// Package wrapper pins cosmovisor, which is built from its module as it was released.
package wrapper

import _ "cosmossdk.io/tools/cosmovisor/cmd/cosmovisor"
