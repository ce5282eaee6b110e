# DevStack plugin: Neutron with the drivers of networking-weft, `weft server` on the controller,
# `weft agent` where VPP runs. VPP itself is expected to run, with its API socket where
# docs/configuration.md says.

# DevStack clones the whole repository, and finds this through the link at its top:
#   enable_plugin networking-weft <URL of the repository>
NETWORKING_WEFT_DIR=$DEST/networking-weft/openstack/networking-weft

function install_networking_weft {
    pip_install -e "$NETWORKING_WEFT_DIR"
}

function write_weft_server_conf {
    sudo install -d -o "$STACK_USER" "$WEFT_CONF_DIR" /var/lib/weft /run/weft
    cat > "$WEFT_CONF_DIR/server.toml" <<CONF
listen = "0.0.0.0:7090"
[embedded]
path = "/var/lib/weft/store.db"
listen = ["0.0.0.0:2379"]
CONF
}

function write_weft_agent_conf {
    sudo install -d -o "$STACK_USER" "$WEFT_CONF_DIR"
    {
        echo "host = \"$(hostname)\""
        echo "[store]"
        echo "endpoints = [\"http://$SERVICE_HOST:2379\"]"
        local pair
        for pair in ${WEFT_PHYSNETS//,/ }; do
            echo "[physnets.${pair%%=*}]"
            echo "interface = \"${pair#*=}\""
        done
    } > "$WEFT_CONF_DIR/agent.toml"
}

function configure_networking_weft {
    iniset "/$Q_PLUGIN_CONF_FILE" ml2_weft servers "$WEFT_SERVERS"
    iniset "/$Q_PLUGIN_CONF_FILE" ml2_type_gpe vni_ranges "$WEFT_GPE_VNI_RANGES"
}

function migrate_networking_weft {
    "$NEUTRON_BIN_DIR/neutron-db-manage" --config-file "$NEUTRON_CONF" \
        --config-file "/$Q_PLUGIN_CONF_FILE" --subproject networking-weft upgrade heads
}

if is_service_enabled networking-weft || is_service_enabled weft-server weft-agent; then
    case "$1:$2" in
    stack:install)
        install_networking_weft
        ;;
    stack:post-config)
        if is_service_enabled neutron-api q-svc; then
            configure_networking_weft
            migrate_networking_weft
        fi
        if is_service_enabled weft-server; then
            write_weft_server_conf
            run_process weft-server "$WEFT_BINARY server --config $WEFT_CONF_DIR/server.toml"
        fi
        ;;
    stack:extra)
        if is_service_enabled weft-agent; then
            write_weft_agent_conf
            run_process weft-agent "$WEFT_BINARY agent --config $WEFT_CONF_DIR/agent.toml" "" root
        fi
        ;;
    unstack:)
        stop_process weft-agent
        stop_process weft-server
        ;;
    clean:)
        sudo rm -rf "$WEFT_CONF_DIR" /var/lib/weft
        ;;
    esac
fi
