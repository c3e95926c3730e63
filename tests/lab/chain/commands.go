package main

import (
	"os"
	"path/filepath"

	"cosmossdk.io/client/v2/autocli"
	"cosmossdk.io/depinject"
	"cosmossdk.io/log"
	cmtconfig "github.com/cometbft/cometbft/config"
	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/config"
	"github.com/cosmos/cosmos-sdk/client/keys"
	"github.com/cosmos/cosmos-sdk/client/pruning"
	"github.com/cosmos/cosmos-sdk/client/rpc"
	"github.com/cosmos/cosmos-sdk/client/snapshot"
	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/server"
	serverconfig "github.com/cosmos/cosmos-sdk/server/config"
	"github.com/cosmos/cosmos-sdk/types/module"
	authcli "github.com/cosmos/cosmos-sdk/x/auth/client/cli"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
)

// defaultHome is where the real program keeps its data.
func defaultHome() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ".virtengine"
	}
	return filepath.Join(home, ".virtengine")
}

// rootCommand is the whole command line, with the names and groups of the real program.
func rootCommand() (*cobra.Command, error) {
	var (
		generated autocli.AppOptions
		basics    module.BasicManager
		context   client.Context
	)
	provided := depinject.Configs(
		appConfig(), depinject.Supply(log.NewNopLogger()), depinject.Provide(ProvideClientContext),
	)
	if err := depinject.Inject(provided, &generated, &basics, &context); err != nil {
		return nil, err
	}
	root := &cobra.Command{
		Use:               "virtengined",
		Short:             "The lab's chain",
		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return prepare(cmd, context) },
	}
	server.AddCommands(root, defaultHome(), newApp, exportApp, func(*cobra.Command) {})
	root.AddCommand(
		server.StatusCommand(),
		keys.Commands(),
		genesisCommand(context.TxConfig, basics),
		queryCommand(),
		transactionCommand(),
		snapshot.Cmd(newApp),
		pruning.Cmd(newApp, defaultHome()),
		signerCommand(),
	)
	return root, generated.EnhanceRootCommand(root)
}

// prepare reads client.toml, config.toml and app.toml of the home, and makes those that are absent.
func prepare(cmd *cobra.Command, context client.Context) error {
	cmd.SetOut(cmd.OutOrStdout())
	cmd.SetErr(cmd.ErrOrStderr())
	context, err := client.ReadPersistentCommandFlags(context.WithCmdContext(cmd.Context()), cmd.Flags())
	if err != nil {
		return err
	}
	if context, err = config.ReadFromClientConfig(context); err != nil {
		return err
	}
	if err := client.SetCmdClientContextHandler(context, cmd); err != nil {
		return err
	}
	settings := serverconfig.DefaultConfig()
	settings.MinGasPrices = "0" + denomination
	return server.InterceptConfigsPreRunHandler(
		cmd, serverconfig.DefaultConfigTemplate, settings, cmtconfig.DefaultConfig(),
	)
}

// ProvideClientContext is exported because depinject takes no other providers.
func ProvideClientContext(
	encoding codec.Codec, interfaces codectypes.InterfaceRegistry, amino *codec.LegacyAmino, tx client.TxConfig,
) client.Context {
	encryptionModule{}.RegisterInterfaces(interfaces)
	return client.Context{}.
		WithCodec(encoding).
		WithInterfaceRegistry(interfaces).
		WithLegacyAmino(amino).
		WithTxConfig(tx).
		WithAccountRetriever(authtypes.AccountRetriever{}).
		WithInput(os.Stdin).
		WithHomeDir(defaultHome()).
		WithViper("")
}

func queryCommand() *cobra.Command {
	query := &cobra.Command{
		Use: "query", Aliases: []string{"q"}, Short: "Querying subcommands", RunE: client.ValidateCmd,
	}
	query.AddCommand(
		rpc.WaitTxCmd(), server.QueryBlockCmd(), server.QueryBlocksCmd(), server.QueryBlockResultsCmd(),
		authcli.QueryTxCmd(), authcli.QueryTxsByEventsCmd(), hpcCommand(),
	)
	return query
}

func transactionCommand() *cobra.Command {
	tx := &cobra.Command{Use: "tx", Short: "Transactions subcommands", RunE: client.ValidateCmd}
	tx.AddCommand(
		authcli.GetSignCommand(), authcli.GetMultiSignCommand(), authcli.GetValidateSignaturesCommand(),
		authcli.GetBroadcastCommand(), authcli.GetEncodeCommand(), authcli.GetDecodeCommand(),
	)
	return tx
}
