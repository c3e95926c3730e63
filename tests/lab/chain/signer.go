package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtlog "github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/privval"
	"github.com/spf13/cobra"
)

const (
	signerTimeout = 3 * time.Second
	signerPause   = 200 * time.Millisecond
	signerRetries = 1 << 30
)

// signerCommand signs for a node on its priv_validator_laddr, as remote signers do: with key and sign
// state of a directory of its own. It dials for ever, and ends with SIGTERM.
func signerCommand() *cobra.Command {
	var directory, address, chainID string
	signer := &cobra.Command{
		Use:   "signer",
		Short: "Sign for a node from a process of its own",
		Args:  cobra.NoArgs,
		// No home and no configuration: it is not a node.
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil },
		RunE: func(*cobra.Command, []string) error {
			key := privval.LoadFilePV(
				filepath.Join(directory, "priv_validator_key.json"),
				filepath.Join(directory, "priv_validator_state.json"),
			)
			endpoint := privval.NewSignerDialerEndpoint(
				cmtlog.NewTMLogger(cmtlog.NewSyncWriter(os.Stderr)),
				privval.DialTCPFn(address, signerTimeout, ed25519.GenPrivKey()),
				privval.SignerDialerEndpointRetryWaitInterval(signerPause),
				privval.SignerDialerEndpointConnRetries(signerRetries),
			)
			server := privval.NewSignerServer(endpoint, chainID, key)
			if err := server.Start(); err != nil {
				return fmt.Errorf("signer: %w", err)
			}
			ended := make(chan os.Signal, 1)
			signal.Notify(ended, syscall.SIGTERM, os.Interrupt)
			<-ended
			return server.Stop()
		},
	}
	signer.Flags().StringVar(&directory, "keys", "", "directory of priv_validator_key.json and priv_validator_state.json")
	signer.Flags().StringVar(&address, "dial", "127.0.0.1:26659", "the node's priv_validator_laddr")
	signer.Flags().StringVar(&chainID, "chain-id", "", "the chain for which it signs")
	return signer
}
