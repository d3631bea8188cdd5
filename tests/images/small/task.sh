for token; do
    case $token in
    --x=*) echo "score=${token#--x=}" ;;
    esac
done
